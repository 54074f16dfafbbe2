// How every value that travels to and from a node is called on the wire: one list of names and members per type.
//
// The names are a contract between versions and do not follow renames in the code. A list that forgets a member does
// not compile; a type without a list cannot travel.
#pragma once

#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "node/request.h"
#include "node/stream.h"

namespace dugong::node::wire_form {

template <class Owner, class Member>
struct Field {
  std::string_view name;
  Member Owner::*member;
};
template <class Owner, class Member>
Field(const char*, Member Owner::*) -> Field<Owner, Member>;

// Specialised per type: `name` for what stands in a variant, `list` for all.
template <class T>
struct Fields;

namespace detail {
struct Anything {  // const, so that std::optional's own constructor wins over it instead of being ambiguous
  template <class T>
  operator T() const;
};
template <class T, std::size_t... I>
constexpr bool takes(std::index_sequence<I...>) {
  return requires { T{((void)I, Anything{})...}; };
}
}  // namespace detail

// How many members an aggregate has: as many as its braces take.
template <class T, std::size_t N = 0>
constexpr std::size_t member_count() {
  if constexpr (detail::takes<T>(std::make_index_sequence<N + 1>{})) {
    return member_count<T, N + 1>();
  } else {
    return N;
  }
}

template <class T>
constexpr const auto& fields() {
  static_assert(std::is_aggregate_v<T>);
  static_assert(std::tuple_size_v<std::remove_cvref_t<decltype(Fields<T>::list)>> == member_count<T>(),
                "a member is missing in the list");
  return Fields<T>::list;
}

template <class T>
concept Listed = requires {
  Fields<T>::list;
};

// What each alternative of Answer is called.
template <class T>
constexpr std::string_view answer_name();

#define DUGONG_NAMED(TYPE, NAME)                   \
  template <>                                      \
  struct Fields<TYPE> {                            \
    using T = TYPE;                                \
    static constexpr std::string_view name = NAME; \
    static constexpr auto list = std::tuple

#define DUGONG_PART(TYPE) \
  template <>             \
  struct Fields<TYPE> {   \
    using T = TYPE;       \
    static constexpr auto list = std::tuple

// clang-format off
// zfs
DUGONG_NAMED(zfs::ListTree, "zfs.list_tree"){Field{"root", &T::root}}; };
DUGONG_NAMED(zfs::InspectPool, "zfs.inspect_pool"){Field{"pool", &T::pool}}; };
DUGONG_NAMED(zfs::Create, "zfs.create"){Field{"dataset", &T::dataset}, Field{"properties", &T::properties}}; };
DUGONG_NAMED(zfs::Snapshot, "zfs.snapshot"){
    Field{"snapshot", &T::snapshot}, Field{"recursive", &T::recursive}, Field{"properties", &T::properties}}; };
DUGONG_NAMED(zfs::Clone, "zfs.clone"){
    Field{"snapshot", &T::snapshot}, Field{"dataset", &T::dataset}, Field{"properties", &T::properties}}; };
DUGONG_NAMED(zfs::Destroy, "zfs.destroy"){Field{"dataset", &T::dataset}}; };
DUGONG_NAMED(zfs::DestroySnapshot, "zfs.destroy_snapshot"){Field{"snapshot", &T::snapshot}}; };
DUGONG_NAMED(zfs::Rollback, "zfs.rollback"){Field{"snapshot", &T::snapshot}}; };
DUGONG_NAMED(zfs::Hold, "zfs.hold"){Field{"snapshot", &T::snapshot}, Field{"tag", &T::tag}}; };
DUGONG_NAMED(zfs::Release, "zfs.release"){Field{"snapshot", &T::snapshot}, Field{"tag", &T::tag}}; };
DUGONG_NAMED(zfs::SetProperties, "zfs.set_properties"){Field{"name", &T::name}, Field{"properties", &T::properties}}; };
DUGONG_NAMED(zfs::ClearMarks, "zfs.clear_marks"){Field{"name", &T::name}, Field{"marks", &T::marks}}; };
DUGONG_NAMED(zfs::Mount, "zfs.mount"){Field{"dataset", &T::dataset}}; };
DUGONG_NAMED(zfs::Unmount, "zfs.unmount"){Field{"dataset", &T::dataset}}; };
DUGONG_NAMED(zfs::Send, "stream.send"){
    Field{"snapshot", &T::snapshot}, Field{"from", &T::from}, Field{"for_v23", &T::for_v23}}; };
DUGONG_NAMED(zfs::Receive, "stream.receive"){Field{"dataset", &T::dataset}}; };
DUGONG_PART(zfs::Dataset){
    Field{"name", &T::name}, Field{"is_snapshot", &T::is_snapshot}, Field{"guid", &T::guid},
    Field{"createtxg", &T::createtxg}, Field{"used", &T::used}, Field{"referenced", &T::referenced},
    Field{"used_by_dataset", &T::used_by_dataset}, Field{"used_by_snapshots", &T::used_by_snapshots},
    Field{"used_by_children", &T::used_by_children},
    Field{"used_by_refreservation", &T::used_by_refreservation}, Field{"written", &T::written},
    Field{"available", &T::available}, Field{"logical_referenced", &T::logical_referenced},
    Field{"compress_percent", &T::compress_percent},
    Field{"userrefs", &T::userrefs}, Field{"creation", &T::creation}, Field{"origin", &T::origin},
    Field{"mountpoint", &T::mountpoint}, Field{"mountpoint_source", &T::mountpoint_source},
    Field{"canmount", &T::canmount}, Field{"mounted", &T::mounted}, Field{"readonly", &T::readonly},
    Field{"sync", &T::sync}, Field{"resume_token", &T::resume_token}, Field{"clones", &T::clones}, Field{"local", &T::local},
    Field{"shown", &T::shown}, Field{"ours", &T::ours}}; };
DUGONG_PART(zfs::Pool){
    Field{"name", &T::name}, Field{"size", &T::size}, Field{"free", &T::free},
    Field{"available", &T::available}, Field{"used", &T::used}, Field{"health", &T::health},
    Field{"version", &T::version},
    Field{"can_receive_unmounted", &T::can_receive_unmounted}, Field{"has_lz4", &T::has_lz4}}; };

// runtime
DUGONG_PART(runtime::Server){
    Field{"kind", &T::kind}, Field{"project", &T::project}, Field{"compose_file", &T::compose_file},
    Field{"bin_dir", &T::bin_dir}, Field{"os_user", &T::os_user}, Field{"data", &T::data},
    Field{"log_file", &T::log_file}, Field{"port", &T::port}}; };
DUGONG_PART(runtime::Software){
    Field{"id", &T::id}, Field{"pgdata", &T::pgdata}, Field{"uid", &T::uid}, Field{"gid", &T::gid},
    Field{"version_number", &T::version_number}, Field{"libc", &T::libc}}; };
DUGONG_PART(runtime::Engine){
    Field{"version", &T::version}, Field{"least_api", &T::least_api}, Field{"compose", &T::compose},
    Field{"compose_version", &T::compose_version}, Field{"refuse", &T::refuse}}; };
DUGONG_NAMED(runtime::InspectEngine, "runtime.inspect_engine"){}; };
DUGONG_PART(runtime::OtherContainer){
    Field{"name", &T::name}, Field{"state", &T::state}, Field{"image_id", &T::image_id},
    Field{"restart_policy", &T::restart_policy}, Field{"compose_files", &T::compose_files},
    Field{"project", &T::project}, Field{"goes_when_stopped", &T::goes_when_stopped},
    Field{"serves", &T::serves}, Field{"set_aside", &T::set_aside}}; };
DUGONG_NAMED(runtime::RetireContainer, "runtime.retire_container"){
    Field{"name", &T::name}, Field{"data", &T::data}, Field{"seconds", &T::seconds}}; };
DUGONG_NAMED(runtime::ReturnContainer, "runtime.return_container"){
    Field{"name", &T::name}, Field{"data", &T::data}, Field{"restart_policy", &T::restart_policy}}; };
DUGONG_PART(runtime::ServerFacts){
    Field{"state", &T::state}, Field{"image_id", &T::image_id}, Field{"labels", &T::labels},
    Field{"exit_code", &T::exit_code}, Field{"restart_policy", &T::restart_policy},
    Field{"strangers", &T::strangers}, Field{"log_tail", &T::log_tail}, Field{"work", &T::work},
    Field{"containers", &T::containers}, Field{"units", &T::units}}; };
DUGONG_NAMED(runtime::InspectSoftware, "runtime.inspect_software"){
    Field{"kind", &T::kind}, Field{"image", &T::image}, Field{"bin_dir", &T::bin_dir},
    Field{"os_user", &T::os_user}}; };
DUGONG_NAMED(runtime::InspectServer, "runtime.inspect_server"){Field{"server", &T::server}}; };
DUGONG_NAMED(runtime::InitData, "runtime.init_data"){
    Field{"server", &T::server}, Field{"superuser", &T::superuser}, Field{"password_file", &T::password_file}}; };
DUGONG_NAMED(runtime::StartServer, "runtime.start_server"){Field{"server", &T::server}}; };
DUGONG_NAMED(runtime::StopServer, "runtime.stop_server"){Field{"server", &T::server}, Field{"seconds", &T::seconds}}; };
DUGONG_NAMED(runtime::RemoveServer, "runtime.remove_server"){Field{"server", &T::server}}; };

// postgres
DUGONG_PART(postgres::HotStandbySettings){
    Field{"max_connections", &T::max_connections}, Field{"max_worker_processes", &T::max_worker_processes},
    Field{"max_wal_senders", &T::max_wal_senders}, Field{"max_prepared_transactions", &T::max_prepared_transactions},
    Field{"max_locks_per_transaction", &T::max_locks_per_transaction}}; };
DUGONG_PART(postgres::ControlData){
    Field{"control_version", &T::control_version}, Field{"catalog_version", &T::catalog_version},
    Field{"system_identifier", &T::system_identifier}, Field{"state", &T::state}, Field{"checkpoint", &T::checkpoint},
    Field{"redo", &T::redo}, Field{"timeline", &T::timeline}, Field{"full_page_writes", &T::full_page_writes},
    Field{"min_recovery", &T::min_recovery}, Field{"min_recovery_timeline", &T::min_recovery_timeline},
    Field{"primary_settings", &T::primary_settings}, Field{"wal_segment_size", &T::wal_segment_size},
    Field{"data_checksums", &T::data_checksums}}; };
DUGONG_PART(postgres::DataFacts){
    Field{"exists", &T::exists}, Field{"empty", &T::empty}, Field{"version", &T::version},
    Field{"control", &T::control}, Field{"control_error", &T::control_error}, Field{"entries", &T::entries},
    Field{"slots", &T::slots}, Field{"archive_status_entries", &T::archive_status_entries},
    Field{"unarchived", &T::unarchived}, Field{"links", &T::links},
    Field{"files", &T::files}, Field{"uid", &T::uid}, Field{"gid", &T::gid},
    Field{"conf_modified_ns", &T::conf_modified_ns}}; };
DUGONG_PART(postgres::StatementResult){
    Field{"columns", &T::columns}, Field{"rows", &T::rows}, Field{"sqlstate", &T::sqlstate},
    Field{"message", &T::message}, Field{"seconds", &T::seconds}}; };
DUGONG_PART(postgres::LoginAnswer){
    Field{"asked_for_password", &T::asked_for_password}, Field{"sqlstate", &T::sqlstate},
    Field{"message", &T::message}}; };

DUGONG_PART(postgres::PeerFacts){
    Field{"answered", &T::answered}, Field{"why_not", &T::why_not},
    Field{"system_identifier", &T::system_identifier}, Field{"timeline", &T::timeline},
    Field{"in_recovery", &T::in_recovery}}; };

// node
DUGONG_PART(Done){}; };
DUGONG_NAMED(InspectHost, "host.inspect"){Field{"whole", &T::whole}}; };
DUGONG_PART(HostFacts){
    Field{"hostname", &T::hostname}, Field{"boot_id", &T::boot_id}, Field{"version", &T::version},
    Field{"wal_client", &T::wal_client},
    Field{"wall_ns", &T::wall_ns}, Field{"listening", &T::listening}, Field{"addresses", &T::addresses},
    Field{"memory", &T::memory}, Field{"huge_page", &T::huge_page}, Field{"huge_pages", &T::huge_pages},
    Field{"huge_pages_free", &T::huge_pages_free}, Field{"registered", &T::registered}}; };
DUGONG_NAMED(InspectData, "data.inspect"){Field{"data", &T::data}}; };
DUGONG_PART(FileFacts){
    Field{"exists", &T::exists}, Field{"is_directory", &T::is_directory}, Field{"size", &T::size},
    Field{"mode", &T::mode}, Field{"uid", &T::uid}, Field{"gid", &T::gid}, Field{"content", &T::content},
    Field{"entries", &T::entries}}; };
DUGONG_NAMED(ReadFile, "file.read"){Field{"path", &T::path}, Field{"limit", &T::limit}}; };
DUGONG_NAMED(WriteFile, "file.write"){
    Field{"path", &T::path}, Field{"content", &T::content}, Field{"mode", &T::mode}, Field{"uid", &T::uid},
    Field{"gid", &T::gid}}; };
DUGONG_NAMED(RenameFile, "file.rename"){Field{"from", &T::from}, Field{"to", &T::to}}; };
DUGONG_NAMED(MakeDirectory, "directory.make"){
    Field{"path", &T::path}, Field{"mode", &T::mode}, Field{"uid", &T::uid}, Field{"gid", &T::gid}}; };
DUGONG_NAMED(RemovePaths, "paths.remove"){
    Field{"root", &T::root}, Field{"files", &T::files}, Field{"emptied_dirs", &T::emptied_dirs}}; };
DUGONG_NAMED(RemoveDirectory, "directory.remove"){
    Field{"path", &T::path}, Field{"contents", &T::contents}, Field{"mount_points", &T::mount_points}}; };
DUGONG_NAMED(InstallWalClient, "wal_client.install"){Field{"directory", &T::directory}}; };
DUGONG_NAMED(DigestFile, "file.digest"){Field{"path", &T::path}}; };
DUGONG_PART(DigestFile::Answer){
    Field{"exists", &T::exists}, Field{"size", &T::size}, Field{"sha256", &T::sha256}}; };
DUGONG_PART(SqlTarget){
    Field{"socket_dir", &T::socket_dir}, Field{"port", &T::port}, Field{"user", &T::user},
    Field{"database", &T::database}, Field{"password_file", &T::password_file}}; };
DUGONG_PART(SqlCall){Field{"query", &T::query}, Field{"parameters", &T::parameters}}; };
DUGONG_NAMED(RunSql, "sql.run"){Field{"target", &T::target}, Field{"calls", &T::calls}}; };
DUGONG_PART(RunSql::Answer){
    Field{"connected", &T::connected}, Field{"sqlstate", &T::sqlstate}, Field{"message", &T::message},
    Field{"calls", &T::calls}}; };
DUGONG_NAMED(SetRolePassword, "role.set_password"){
    Field{"target", &T::target}, Field{"role", &T::role}, Field{"password", &T::password},
    Field{"replication", &T::replication}}; };
DUGONG_NAMED(RolePasswordMark, "role.password_mark"){
    Field{"target", &T::target}, Field{"role", &T::role}, Field{"password", &T::password}}; };
DUGONG_PART(RolePasswordMark::Answer){Field{"mark", &T::mark}}; };
DUGONG_NAMED(ProbeLogin, "login.probe"){
    Field{"from_address", &T::from_address}, Field{"to_address", &T::to_address}, Field{"port", &T::port},
    Field{"user", &T::user}, Field{"patience", &T::patience}}; };
DUGONG_NAMED(AskPeer, "peer.ask"){
    Field{"address", &T::address}, Field{"port", &T::port}, Field{"user", &T::user},
    Field{"passfile", &T::passfile}}; };
DUGONG_NAMED(RegisterNode, "node.register"){Field{"name", &T::name}, Field{"directory", &T::directory}}; };
DUGONG_NAMED(ForgetNode, "node.forget"){Field{"name", &T::name}}; };
DUGONG_NAMED(AcquireLock, "lock.acquire"){Field{"name", &T::name}, Field{"holder", &T::holder}}; };
DUGONG_PART(AcquireLock::Answer){Field{"acquired", &T::acquired}, Field{"holder", &T::holder}}; };
// clang-format on

#undef DUGONG_NAMED
#undef DUGONG_PART

template <>
constexpr std::string_view answer_name<Done>() {
  return "done";
}
template <>
constexpr std::string_view answer_name<HostFacts>() {
  return "host";
}
template <>
constexpr std::string_view answer_name<std::vector<zfs::Dataset>>() {
  return "datasets";
}
template <>
constexpr std::string_view answer_name<zfs::Pool>() {
  return "pool";
}
template <>
constexpr std::string_view answer_name<runtime::Software>() {
  return "software";
}
template <>
constexpr std::string_view answer_name<runtime::Engine>() {
  return "engine";
}
template <>
constexpr std::string_view answer_name<runtime::ServerFacts>() {
  return "server";
}
template <>
constexpr std::string_view answer_name<postgres::DataFacts>() {
  return "data";
}
template <>
constexpr std::string_view answer_name<FileFacts>() {
  return "file";
}
template <>
constexpr std::string_view answer_name<DigestFile::Answer>() {
  return "digest";
}
template <>
constexpr std::string_view answer_name<RunSql::Answer>() {
  return "sql";
}
template <>
constexpr std::string_view answer_name<RolePasswordMark::Answer>() {
  return "password_mark";
}
template <>
constexpr std::string_view answer_name<postgres::LoginAnswer>() {
  return "login";
}
template <>
constexpr std::string_view answer_name<postgres::PeerFacts>() {
  return "peer";
}
template <>
constexpr std::string_view answer_name<AcquireLock::Answer>() {
  return "lock";
}

}  // namespace dugong::node::wire_form
