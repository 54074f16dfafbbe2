// How the files of the simulated world call each other. Tests use world.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "test/sim/world.h"

namespace dugong::sim {

// ---- sim_files.cpp
// Where a path really is: on a mounted dataset, or in the host's own tree.
struct Place {
  Host* host = nullptr;
  Dataset* dataset = nullptr;  // nullptr: the host's own tree
  std::string inner;
};
Place resolve(Host& host, std::string_view path);
const Tree& look(const Place& place);
Tree& edit(const Place& place);  // no longer shared with a snapshot
const Entry* find(Host& host, std::string_view path);
std::vector<std::string> children(const Tree& tree, const std::string& inner);  // names directly below
Result<> write_file(Host& host, const std::string& path, Entry entry);
Result<> make_directory(Host& host, const std::string& path, std::uint32_t mode, std::uint32_t uid, std::uint32_t gid);
void remove_below(Tree& tree, const std::string& inner);  // what is below, not itself
std::string file_name_of(std::string_view path);
std::string directory_of(std::string_view path);
bool path_below(std::string_view path, std::string_view root);
bool readable_by(const Entry& entry, std::uint32_t uid, std::uint32_t gid);
inline constexpr const char* wal_client = "dugong-wal";  // what an installed one holds
std::string digest(std::string_view bytes);              // 64 hex digits; equal for equal bytes, no more than that
std::string inner_join(const std::string& inner, std::string_view name);

// ---- sim_zfs.cpp, sim_copy.cpp
Pool* pool_with(Host& host, std::string_view name);
Dataset* dataset_at(Host& host, const std::string& name);
SnapshotRow* snapshot_at(Host& host, const std::string& name);
std::vector<SnapshotRow*> snapshots_of(Pool& pool, std::string_view dataset);  // by createtxg
struct Effective {
  std::string value;
  std::string source;
};
Effective effective(Pool& pool, const Dataset& dataset, const std::string& property);
Bytes tree_size(const Tree& tree);
Bytes pool_free(Pool& pool);
Error zfs_error(const zfs::Argv& argv, std::string_view words);
Result<> mount_dataset(Host& host, Pool& pool, Dataset& dataset, const zfs::Argv& argv);
// Mounts what has just been made, if its properties say so. What was made stays even when mounting fails, and zfs exits
// with 1 all the same (zfs_main.c: zfs_do_create).
Result<> mount_new(Host& host, Pool& pool, Dataset& dataset, const zfs::Argv& argv);
Dataset& add_dataset(State& state, Pool& pool, const std::string& name, const zfs::Properties& properties);
bool has_server_on(Host& host, const std::string& dataset);
Guid new_guid(State& state);
std::shared_ptr<Tree> empty_tree();

// One copy in four parts, so that a controller can die in the middle of it.
struct Copying {
  Host* from = nullptr;
  Host* to = nullptr;
  Bytes bytes = 0;
};
Result<Copying> begin_copy(State& state, Host& from, Host& to, const node::CopyRequest& request);
Result<> finish_copy(State& state, const Copying& copying, const node::CopyRequest& request);
void cut_copy(State& state, const Copying& copying, const node::CopyRequest& request);

// ---- sim_runtime.cpp, sim_init.cpp
std::string server_name(const runtime::Server& server);
std::string to_host(const Server& server, std::string_view inside);  // empty: not visible there
void end_server(State& state, Server& server, int code, const std::string& last_words);
void crash(Server& server);
Server* listening(Host& host, std::uint16_t port);
std::optional<std::uint64_t> known_uid(const Server& server);
Result<> init_data(State& state, Host& host, const std::string& data, const runtime::Software& software,
                   const std::string& superuser, const std::string& password, bool image_defaults);
bool is_initialised(Host& host, const std::string& data);
runtime::Software software_of(const State& state, runtime::Kind kind);

// ---- sim_conf.cpp
struct Loaded {
  std::map<std::string, postgres::ShownSetting> settings;
  std::vector<ConfError> errors;    // of the files: with one of them nothing counts
  std::vector<ConfError> rejected;  // of a value: all others count, but no server starts with it
};
Loaded load_settings(const Server& server, const Tree& tree);
bool needs_restart(std::string_view setting);
std::string value_of(const Server& server, std::string_view setting);
std::int64_t number_of(const Server& server, std::string_view setting);
postgres::HotStandbySettings hot_standby_settings(const std::map<std::string, postgres::ShownSetting>& settings);
void reload(Server& server, const Tree& tree);
std::map<std::string, std::string> parse_conninfo(std::string_view text);

// ---- sim_postgres.cpp, sim_wal.cpp
Tree* tree_of(State& state, const Server& server);  // the data directory's tree while the server runs
Cluster* cluster_of(State& state, const Server& server);
void tick_server(State& state, Server& server, Millis elapsed);
void start_postgres(State& state, Server& server);
void stop_postgres(State& state, Server& server);  // a clean shutdown
void tick_wal(State& state, Server& server);
void take_checkpoint(State& state, Server& server);  // CHECKPOINT: waits for a running one, then makes its own
Lsn redo_pointer(const Server& server, const Cluster& cluster);  // xlog.c: GetRedoRecPtr
void write_wal(State& state, Server& server, Bytes bytes);
void switch_segment(State& state, Server& server);
void promote(State& state, Server& server);
void check_two_primaries(State& state);
struct SlotRow {
  std::string name;
  Lsn restart_lsn;
  std::string made_by;  // server that made it
};
std::vector<SlotRow> slots_of(const Tree& tree, const std::string& inner);
void write_slot(Tree& tree, const std::string& inner, const SlotRow& slot, std::uint32_t uid, std::uint32_t gid);
bool hba_lets_in(const Server& server, const std::string& user, const std::string& address, std::string* method);
Host* host_with_address(State& state, Host& from, const std::string& address);
std::string application_name(const Server& server);
bool hears(const Server& server, const std::string& address);  // listen_addresses

// ---- answers
using Replied = Result<node::Answer>;
Replied answer(State& state, Host& host, const node::InspectHost& request);
Replied answer(State& state, Host& host, const zfs::ListTree& request);
Replied answer(State& state, Host& host, const zfs::InspectPool& request);
Replied answer(State& state, Host& host, const zfs::Create& request);
Replied answer(State& state, Host& host, const zfs::Snapshot& request);
Replied answer(State& state, Host& host, const zfs::Clone& request);
Replied answer(State& state, Host& host, const zfs::Destroy& request);
Replied answer(State& state, Host& host, const zfs::DestroySnapshot& request);
Replied answer(State& state, Host& host, const zfs::Rollback& request);
Replied answer(State& state, Host& host, const zfs::Hold& request);
Replied answer(State& state, Host& host, const zfs::Release& request);
Replied answer(State& state, Host& host, const zfs::SetProperties& request);
Replied answer(State& state, Host& host, const zfs::ClearMarks& request);
Replied answer(State& state, Host& host, const zfs::Mount& request);
Replied answer(State& state, Host& host, const zfs::Unmount& request);
Replied answer(State& state, Host& host, const runtime::InspectSoftware& request);
Replied answer(State& state, Host& host, const runtime::InspectEngine& request);
Replied answer(State& state, Host& host, const runtime::InspectServer& request);
Replied answer(State& state, Host& host, const runtime::InitData& request);
Replied answer(State& state, Host& host, const runtime::StartServer& request);
Replied answer(State& state, Host& host, const runtime::StopServer& request);
Replied answer(State& state, Host& host, const runtime::RemoveServer& request);
Replied answer(State& state, Host& host, const runtime::RetireContainer& request);
Replied answer(State& state, Host& host, const runtime::ReturnContainer& request);
Replied answer(State& state, Host& host, const node::InspectData& request);
Replied answer(State& state, Host& host, const node::ReadFile& request);
Replied answer(State& state, Host& host, const node::WriteFile& request);
Replied answer(State& state, Host& host, const node::RenameFile& request);
Replied answer(State& state, Host& host, const node::MakeDirectory& request);
Replied answer(State& state, Host& host, const node::RemovePaths& request);
Replied answer(State& state, Host& host, const node::RemoveDirectory& request);
Replied answer(State& state, Host& host, const node::InstallWalClient& request);
Replied answer(State& state, Host& host, const node::DigestFile& request);
Replied answer(State& state, Host& host, const node::RunSql& request);
Replied answer(State& state, Host& host, const node::SetRolePassword& request);
Replied answer(State& state, Host& host, const node::RolePasswordMark& request);
Replied answer(State& state, Host& host, const node::ProbeLogin& request);
Replied answer(State& state, Host& host, const node::AskPeer& request);
Replied answer(State& state, Host& host, const node::RegisterNode& request);
Replied answer(State& state, Host& host, const node::ForgetNode& request);

std::string fingerprint_of(State& state);

}  // namespace dugong::sim
