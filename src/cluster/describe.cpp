// A plan as people read it. One sentence per kind of step; contents of files and passwords never appear.
#include <fmt/format.h>

#include "base/units.h"
#include "cluster/step.h"

namespace dugong::cluster {
namespace {

std::string list(const zfs::Properties& properties) {
  std::string text;
  for (const auto& [key, value] : properties) {
    if (key.starts_with("dugong:")) continue;  // marks: of interest to dugong only
    text += fmt::format("{}{}={}", text.empty() ? " (" : ", ", key, value);
  }
  return text.empty() ? text : text + ")";
}

struct Describe {
  std::string operator()(const MakeDirectory& a) const { return fmt::format("make directory {}", a.path); }
  std::string operator()(const WriteFile& a) const { return fmt::format("write {}", a.path); }
  std::string operator()(const CleanData& a) const {
    return fmt::format("take out of {} what belongs to the server it was copied from", a.data);
  }
  std::string operator()(const RemoveDirectory& a) const {
    std::string names;
    for (const auto* list : {&a.contents, &a.mount_points})
      for (const auto& name : *list) names += (names.empty() ? "" : ", ") + name;
    return fmt::format("remove directory {}{}", a.path, names.empty() ? "" : " with " + names);
  }
  std::string operator()(const InstallWalClient& a) const {
    return fmt::format("install dugong-wal in {}", a.directory);
  }
  std::string operator()(const zfs::Create& a) const {
    return fmt::format("create dataset {}{}", a.dataset, list(a.properties));
  }
  std::string operator()(const zfs::Clone& a) const { return fmt::format("clone {} as {}", a.snapshot, a.dataset); }
  std::string operator()(const zfs::Destroy& a) const { return fmt::format("destroy dataset {}", a.dataset); }
  std::string operator()(const zfs::DestroySnapshot& a) const { return fmt::format("destroy snapshot {}", a.snapshot); }
  std::string operator()(const zfs::Rollback& a) const {
    return fmt::format("roll back to {}: what came after it goes", a.snapshot);
  }
  std::string operator()(const zfs::Hold& a) const { return fmt::format("hold {}", a.snapshot); }
  std::string operator()(const zfs::Release& a) const { return fmt::format("release {}", a.snapshot); }
  std::string operator()(const zfs::SetProperties& a) const {
    std::string text;
    for (const auto& [key, value] : a.properties)
      if (!key.ends_with("_check")) text += fmt::format("{}{}={}", text.empty() ? "" : ", ", key, value);
    return fmt::format("mark {}: {}", a.name, text);
  }
  std::string operator()(const zfs::ClearMarks& a) const { return fmt::format("take dugong's marks off {}", a.name); }
  std::string operator()(const runtime::RetireContainer& a) const {
    return fmt::format("take the container {} out of the way: restart policy \"no\", fast shutdown, rename to {}",
                       a.name, runtime::set_aside_name(a.name));
  }
  std::string operator()(const runtime::ReturnContainer& a) const {
    return fmt::format("give the container {} its name and its restart policy \"{}\" back", a.name, a.restart_policy);
  }
  std::string operator()(const RenameFile& a) const { return fmt::format("rename {} to {}", a.from, a.to); }
  std::string operator()(const zfs::Mount& a) const { return fmt::format("mount {}", a.dataset); }
  std::string operator()(const zfs::Unmount& a) const { return fmt::format("unmount {}", a.dataset); }
  std::string operator()(const runtime::InitData& a) const { return fmt::format("initdb in {}", a.server.data); }
  std::string operator()(const runtime::StartServer& a) const {
    return fmt::format("start PostgreSQL ({}, port {})", a.server.project, a.server.port);
  }
  std::string operator()(const runtime::StopServer& a) const {
    return fmt::format("stop PostgreSQL ({}): fast shutdown, up to {} s", a.server.project, a.seconds);
  }
  std::string operator()(const runtime::RemoveServer& a) const {
    return fmt::format("remove the stopped container {}", a.server.project);
  }
  std::string operator()(const RunQuery& a) const {
    std::string parameters;
    for (const auto& one : a.parameters) parameters += " " + one;
    return fmt::format("SQL: {}{}", a.query, parameters);
  }
  std::string operator()(const SetPassword& a) const {
    return a.replication ? fmt::format("role {}: LOGIN REPLICATION, password (SCRAM)", a.role)
                         : fmt::format("role {}: password (SCRAM)", a.role);
  }
  std::string operator()(const WaitReady&) const { return "wait until it takes connections"; }
  std::string operator()(const ProveArchive& a) const {
    return fmt::format("switch a WAL segment and find it, byte for byte, in {}", a.archive);
  }
  std::string operator()(const TakeSnapshot& a) const {
    return fmt::format("snapshot {}@{}{}, held and catalogued", a.dataset, a.name, a.recursive ? " (recursive)" : "");
  }
  std::string operator()(const CopySnapshot& a) const {
    const std::string size = a.expected == 0 ? "" : fmt::format(", about {}", human_bytes(a.expected));
    const std::string what = a.send.from.empty() ? "all of" : fmt::format("what changed since {} in", a.send.from);
    return fmt::format("receive {} {} from {} into {}{}", what, a.send.snapshot, a.from_node, a.receive.dataset, size);
  }
  std::string operator()(const RegisterNode&) const { return "have it started at boot by `dugong node start`"; }
  std::string operator()(const ForgetNode&) const { return "have it no longer started at boot"; }
  std::string operator()(const WaitStreaming& a) const {
    return fmt::format("wait until it streams from {} and has replayed what {} has now", a.upstream, a.upstream);
  }
};

}  // namespace

std::string describe(const Action& action) { return std::visit(Describe{}, action); }

bool is_destructive(const Action& action) {
  return std::holds_alternative<zfs::Destroy>(action) || std::holds_alternative<zfs::DestroySnapshot>(action) ||
         std::holds_alternative<zfs::Rollback>(action) || std::holds_alternative<RemoveDirectory>(action);
}

}  // namespace dugong::cluster
