#include "node/policy.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "node/policy_rules.h"

namespace dugong::node {
namespace {

using rules::Use;

// No catch-all: a request without a judgement does not compile.
struct Judge {
  const Policy& policy;

  Result<> write(const std::string& path) const { return rules::path(path, Use::write, policy); }
  Result<> read(const std::string& path) const { return rules::path(path, Use::read, policy); }
  // Each of them goes by its own name, whatever may be done to the directory.
  Result<> below(const std::string& directory, const std::vector<std::string>& names) const {
    for (const auto& name : names) {
      TRY(rules::relative_path(name));
      TRY(write(directory + "/" + name));
    }
    return {};
  }
  Result<> sql(const SqlTarget& target) const {
    TRY(read(target.socket_dir));
    return target.password_file.empty() ? Result<>{} : read(target.password_file);
  }

  Result<> operator()(const InspectHost&) const { return {}; }
  Result<> operator()(const zfs::ListTree& ask) const { return rules::dataset(ask.root, Use::read, policy); }
  Result<> operator()(const zfs::InspectPool& ask) const {
    // A pool is only named here; with prefixes it has to be the pool of one of them.
    TRY(zfs::check_dataset_name(ask.pool));
    if (!policy.prefixes) return {};
    for (const auto& prefix : *policy.prefixes) {
      if (zfs::pool_of(prefix) == ask.pool) return {};
    }
    return rules::dataset(ask.pool, Use::read, policy);
  }
  Result<> operator()(const zfs::Create& ask) const {
    TRY(rules::dataset(ask.dataset, Use::write, policy));
    TRY(rules::made_unmounted(ask.properties));
    return rules::properties(ask.properties, policy);
  }
  Result<> operator()(const zfs::Snapshot& ask) const {
    TRY(rules::snapshot(ask.snapshot, policy));
    return rules::properties(ask.properties, policy);
  }
  Result<> operator()(const zfs::Clone& ask) const {
    TRY(rules::snapshot(ask.snapshot, policy));
    TRY(rules::dataset(ask.dataset, Use::write, policy));
    TRY(rules::made_unmounted(ask.properties));
    return rules::properties(ask.properties, policy);
  }
  Result<> operator()(const zfs::Destroy& ask) const { return rules::dataset(ask.dataset, Use::write, policy); }
  Result<> operator()(const zfs::DestroySnapshot& ask) const { return rules::snapshot(ask.snapshot, policy); }
  // Which dataset it may be asked of, only its marks tell: the door looks at them.
  Result<> operator()(const zfs::Rollback& ask) const { return rules::snapshot(ask.snapshot, policy); }
  Result<> operator()(const zfs::Hold& ask) const {
    TRY(rules::tag(ask.tag));
    return rules::snapshot(ask.snapshot, policy);
  }
  Result<> operator()(const zfs::Release& ask) const {
    TRY(rules::tag(ask.tag));
    return rules::snapshot(ask.snapshot, policy);
  }
  Result<> operator()(const zfs::SetProperties& ask) const {
    const bool is_snapshot = ask.name.find('@') != std::string::npos;
    TRY(is_snapshot ? rules::snapshot(ask.name, policy) : rules::dataset(ask.name, Use::write, policy));
    TRY(rules::left_unmounted(ask.properties));
    return rules::properties(ask.properties, policy);
  }
  Result<> operator()(const zfs::ClearMarks& ask) const {
    const bool is_snapshot = ask.name.find('@') != std::string::npos;
    TRY(is_snapshot ? rules::snapshot(ask.name, policy) : rules::dataset(ask.name, Use::write, policy));
    return rules::marks(ask.marks);
  }
  Result<> operator()(const zfs::Mount& ask) const { return rules::dataset(ask.dataset, Use::write, policy); }
  Result<> operator()(const zfs::Unmount& ask) const { return rules::dataset(ask.dataset, Use::write, policy); }
  Result<> operator()(const zfs::Send& ask) const {
    TRY(rules::snapshot(ask.snapshot, policy));
    return ask.from.empty() ? Result<>{} : rules::snapshot(ask.from, policy);
  }
  Result<> operator()(const zfs::Receive& ask) const { return rules::dataset(ask.dataset, Use::write, policy); }

  Result<> operator()(const runtime::InspectSoftware& ask) const {
    TRY(rules::program_directory(ask.bin_dir, policy));
    TRY(rules::os_user(ask.os_user, policy));
    return rules::image(ask.image);
  }
  Result<> operator()(const runtime::InspectEngine&) const { return {}; }
  Result<> operator()(const runtime::InspectServer& ask) const { return rules::server(ask.server, Use::read, policy); }
  Result<> operator()(const runtime::InitData& ask) const {
    TRY(rules::server(ask.server, Use::write, policy));
    return ask.password_file.empty() ? Result<>{} : read(ask.password_file);
  }
  Result<> operator()(const runtime::StartServer& ask) const { return rules::server(ask.server, Use::read, policy); }
  Result<> operator()(const runtime::StopServer& ask) const { return rules::server(ask.server, Use::read, policy); }
  Result<> operator()(const runtime::RemoveServer& ask) const { return rules::server(ask.server, Use::read, policy); }

  // Not by its name: whose it is shows in its mounts, which the door looks at.
  Result<> operator()(const runtime::RetireContainer& ask) const {
    TRY(rules::container(ask.name));
    return write(ask.data);
  }
  Result<> operator()(const runtime::ReturnContainer& ask) const {
    TRY(rules::container(ask.name));
    TRY(rules::restart_policy(ask.restart_policy));
    return write(ask.data);
  }

  Result<> operator()(const InspectData& ask) const { return read(ask.data); }
  Result<> operator()(const ReadFile& ask) const { return read(ask.path); }
  Result<> operator()(const DigestFile& ask) const { return read(ask.path); }
  Result<> operator()(const WriteFile& ask) const {
    TRY(rules::mode(ask.mode));
    return write(ask.path);
  }
  Result<> operator()(const RenameFile& ask) const {
    TRY(write(ask.from));
    return write(ask.to);
  }
  Result<> operator()(const MakeDirectory& ask) const {
    TRY(rules::mode(ask.mode));
    return write(ask.path);
  }
  Result<> operator()(const RemovePaths& ask) const {
    TRY(below(ask.root, ask.files));
    TRY(below(ask.root, ask.emptied_dirs));
    return read(ask.root);
  }
  Result<> operator()(const RemoveDirectory& ask) const {
    TRY(write(ask.path));
    TRY(below(ask.path, ask.contents));
    return below(ask.path, ask.mount_points);
  }
  Result<> operator()(const InstallWalClient& ask) const { return write(ask.directory); }

  Result<> operator()(const RunSql& ask) const { return sql(ask.target); }
  Result<> operator()(const SetRolePassword& ask) const { return sql(ask.target); }
  Result<> operator()(const RolePasswordMark& ask) const { return sql(ask.target); }
  Result<> operator()(const ProbeLogin& ask) const {
    if (ask.port != 0) return {};
    return fail(ErrorKind::invalid, "a login cannot be tried at port 0");
  }
  Result<> operator()(const AskPeer& ask) const {
    if (ask.port == 0) return fail(ErrorKind::invalid, "nobody can be asked at port 0");
    return read(ask.passfile);
  }
  Result<> operator()(const RegisterNode& ask) const {
    TRY(rules::lock_name(ask.name));
    return write(ask.directory);
  }
  Result<> operator()(const ForgetNode& ask) const { return rules::lock_name(ask.name); }
  Result<> operator()(const AcquireLock& ask) const { return rules::lock_name(ask.name); }
};

}  // namespace

bool Policy::lists(std::string_view key) const { return std::ranges::find(listed, key) != listed.end(); }

std::string if_unlisted(std::string_view key, const Policy& policy) {
  if (policy.lists(key)) return {};
  return fmt::format(
      "; {0} is not in {1}: a list there replaces the default, so it has to name those of all nodes on this host "
      "(`dugong node install` writes it)",
      key, policy.file);
}

Result<> judge(const Request& request, const Policy& policy) { return std::visit(Judge{policy}, request); }
Result<> judge(const StreamRequest& request, const Policy& policy) { return std::visit(Judge{policy}, request); }

}  // namespace dugong::node
