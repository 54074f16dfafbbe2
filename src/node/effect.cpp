#include "node/effect.h"

#include <algorithm>
#include <array>

namespace dugong::node {

namespace {

constexpr std::array<std::string_view, 14> observing = {
    "prepare_commit", "commit",        "observe",    "observe_database", "hot_standby_settings", "clock",
    "insert_lsn",     "wal_lsn",       "replay_lsn", "verify_read",      "verify_hypertables",   "verify_chunks",
    "verify_table",   "verify_content"};

// No catch-all: a request that is added has to be put on one side.
struct Judge {
  Effect operator()(const InspectHost&) const { return Effect::observes; }
  Effect operator()(const zfs::ListTree&) const { return Effect::observes; }
  Effect operator()(const zfs::InspectPool&) const { return Effect::observes; }
  Effect operator()(const runtime::InspectSoftware&) const { return Effect::observes; }
  Effect operator()(const runtime::InspectEngine&) const { return Effect::observes; }
  Effect operator()(const runtime::InspectServer&) const { return Effect::observes; }
  Effect operator()(const InspectData&) const { return Effect::observes; }
  Effect operator()(const ReadFile&) const { return Effect::observes; }
  Effect operator()(const DigestFile&) const { return Effect::observes; }
  Effect operator()(const RolePasswordMark&) const { return Effect::observes; }
  Effect operator()(const ProbeLogin&) const { return Effect::observes; }
  Effect operator()(const AskPeer&) const { return Effect::observes; }
  Effect operator()(const RunSql& sql) const {
    const bool only_looks = std::all_of(sql.calls.begin(), sql.calls.end(), [](const SqlCall& call) {
      return std::find(observing.begin(), observing.end(), call.query) != observing.end();
    });
    return only_looks ? Effect::observes : Effect::changes;
  }

  Effect operator()(const zfs::Create&) const { return Effect::changes; }
  Effect operator()(const zfs::Snapshot&) const { return Effect::changes; }
  Effect operator()(const zfs::Clone&) const { return Effect::changes; }
  Effect operator()(const zfs::Destroy&) const { return Effect::changes; }
  Effect operator()(const zfs::DestroySnapshot&) const { return Effect::changes; }
  Effect operator()(const zfs::Rollback&) const { return Effect::changes; }
  Effect operator()(const zfs::Hold&) const { return Effect::changes; }
  Effect operator()(const zfs::Release&) const { return Effect::changes; }
  Effect operator()(const zfs::SetProperties&) const { return Effect::changes; }
  Effect operator()(const zfs::ClearMarks&) const { return Effect::changes; }
  Effect operator()(const zfs::Mount&) const { return Effect::changes; }
  Effect operator()(const zfs::Unmount&) const { return Effect::changes; }
  Effect operator()(const runtime::InitData&) const { return Effect::changes; }
  Effect operator()(const runtime::StartServer&) const { return Effect::changes; }
  Effect operator()(const runtime::StopServer&) const { return Effect::changes; }
  Effect operator()(const runtime::RemoveServer&) const { return Effect::changes; }
  Effect operator()(const runtime::RetireContainer&) const { return Effect::changes; }
  Effect operator()(const runtime::ReturnContainer&) const { return Effect::changes; }
  Effect operator()(const WriteFile&) const { return Effect::changes; }
  Effect operator()(const RenameFile&) const { return Effect::changes; }
  Effect operator()(const MakeDirectory&) const { return Effect::changes; }
  Effect operator()(const RemovePaths&) const { return Effect::changes; }
  Effect operator()(const RemoveDirectory&) const { return Effect::changes; }
  Effect operator()(const InstallWalClient&) const { return Effect::changes; }
  Effect operator()(const SetRolePassword&) const { return Effect::changes; }
  Effect operator()(const RegisterNode&) const { return Effect::changes; }
  Effect operator()(const ForgetNode&) const { return Effect::changes; }
  Effect operator()(const AcquireLock&) const { return Effect::changes; }
};

}  // namespace

std::span<const std::string_view> observing_queries() { return observing; }

Effect effect_of(const Request& request) { return std::visit(Judge{}, request); }

}  // namespace dugong::node
