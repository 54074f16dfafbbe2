// What stands behind LocalNode, one door per kind of effect. Internal to the local_*.cpp files.
//
// An exit code is never the proof of an effect: a door that changed something looks at it afterwards.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/units.h"
#include "node/places.h"
#include "node/policy.h"
#include "node/request.h"
#include "os/locks.h"
#include "os/spawn.h"

namespace dugong::node {

struct Call {
  Deadline deadline;
  std::stop_token stop;
  Places places = {};
};

// To whom a file may be given: root, and as whom PostgreSQL runs here, as far as somebody asked.
class Owners {
 public:
  enum class Known { only, and_others };
  explicit Owners(Known known) : known_{known} {}
  void add(std::uint32_t uid, std::uint32_t gid);
  [[nodiscard]] Result<> judge(std::uint32_t uid, std::uint32_t gid) const;  // Errors: refused
  [[nodiscard]] Known known() const { return known_; }

 private:
  Known known_;
  mutable std::mutex mutex_;
  std::set<std::uint32_t> uids_ = {0};
  std::set<std::uint32_t> gids_ = {0};
};

// "docker ps: Cannot connect to the Docker daemon …": a tool's own words on one line.
Error tool_error(const std::vector<std::string>& argv, const os::Output& output);
// A command that must end with 0; its output otherwise the error.
Result<os::Output> run_tool(os::Command command, const Call& call);

class ZfsDoor {
 public:
  explicit ZfsDoor(std::optional<Policy> policy) : policy_{std::move(policy)} {}
  Result<std::vector<zfs::Dataset>> answer(const zfs::ListTree&, const Call&);
  Result<zfs::Pool> answer(const zfs::InspectPool&, const Call&);
  Result<Done> answer(const zfs::Create&, const Call&);
  Result<Done> answer(const zfs::Snapshot&, const Call&);
  Result<Done> answer(const zfs::Clone&, const Call&);
  Result<Done> answer(const zfs::Destroy&, const Call&);
  Result<Done> answer(const zfs::DestroySnapshot&, const Call&);
  Result<Done> answer(const zfs::Rollback&, const Call&);
  Result<Done> answer(const zfs::Hold&, const Call&);
  Result<Done> answer(const zfs::Release&, const Call&);
  Result<Done> answer(const zfs::SetProperties&, const Call&);
  Result<Done> answer(const zfs::ClearMarks&, const Call&);
  Result<Done> answer(const zfs::Mount&, const Call&);
  Result<Done> answer(const zfs::Unmount&, const Call&);

 private:
  // Without prefixes in the policy the marks say what may be changed.
  [[nodiscard]] Result<> judge_marks(const std::string& name, const Call&) const;
  [[nodiscard]] Result<std::string> judge_mountpoint(const zfs::Dataset& dataset, const Call&) const;
  [[nodiscard]] Result<std::optional<os::Lock>> hold(const Call&) const;  // of all mounts, under a policy
  [[nodiscard]] Result<> require_right_place(const std::string& dataset, const std::string& where, const Call&) const;
  Result<std::string> version_text(const Call&);
  Result<> require_pool(const std::string& pool, const Call&);
  Result<std::vector<zfs::Dataset>> look(const std::string& name, const Call&);

  std::optional<Policy> policy_;
  std::mutex mutex_;
  std::string version_text_;  // of the machine's ZFS; empty: not asked yet
};

// Where the dugong-wal to be installed is: as given, or beside our own program.
Result<std::string> wal_client_source(const std::string& given);

Result<DigestFile::Answer> digest_of(const os::Place& place, const Call&);

class FileDoor {
 public:
  FileDoor(std::string wal_client, Owners::Known known) : owners{known}, wal_client_{std::move(wal_client)} {}
  static Result<postgres::DataFacts> answer(const InspectData&, const Call&);
  static Result<FileFacts> answer(const ReadFile&, const Call&);
  [[nodiscard]] Result<Done> answer(const WriteFile&, const Call&) const;
  static Result<Done> answer(const RenameFile&, const Call&);
  [[nodiscard]] Result<Done> answer(const MakeDirectory&, const Call&) const;
  static Result<Done> answer(const RemovePaths&, const Call&);
  static Result<Done> answer(const RemoveDirectory&, const Call&);
  static Result<DigestFile::Answer> answer(const DigestFile&, const Call&);
  [[nodiscard]] Result<Done> answer(const InstallWalClient&, const Call&) const;
  Owners owners;

 private:
  std::string wal_client_;
};

// docker's command line, and which of the two generations of Compose is there.
class Docker {
 public:
  explicit Docker(std::vector<std::string> environment) : environment_{std::move(environment)} {}
  Docker(Docker&& other) noexcept : environment_{std::move(other.environment_)} {}
  Result<os::Output> run(const runtime::Argv& argv, const Call&) const;      // whatever its exit code is
  Result<os::Output> succeed(const runtime::Argv& argv, const Call&) const;  // must be 0
  Result<std::string> compose_program(const Call&);
  Result<std::vector<runtime::Container>> containers(const Call&) const;  // of every project, stopped ones too
  [[nodiscard]] bool may_run() const;  // false: its socket was named, and nobody listens there
  Result<runtime::Software> software(const std::string& image, const Call&);
  Result<runtime::Engine> engine(const Call&);

 private:
  [[nodiscard]] std::string variable(const std::string& name) const;  // of those that docker gets to see
  [[nodiscard]] std::optional<std::string> socket() const;  // nothing: only docker itself knows where its engine is
  Result<std::vector<runtime::Container>> containers_by_tool(const Call&) const;
  Result<runtime::VolumeDevices> volumes_by_tool(const Call&) const;

  std::vector<std::string> environment_;
  std::mutex mutex_;
  std::string compose_program_;
  std::map<std::string, runtime::Software> software_;  // by image id: content that cannot change
};

class ServerDoor {
 public:
  explicit ServerDoor(Docker docker) : docker_{std::move(docker)} {}
  Result<runtime::Software> answer(const runtime::InspectSoftware&, const Call&);
  Result<runtime::Engine> answer(const runtime::InspectEngine&, const Call&);
  Result<runtime::ServerFacts> answer(const runtime::InspectServer&, const Call&);
  Result<Done> answer(const runtime::InitData&, const Call&);
  Result<Done> answer(const runtime::StartServer&, const Call&);
  Result<Done> answer(const runtime::StopServer&, const Call&);
  Result<Done> answer(const runtime::RemoveServer&, const Call&);
  Result<Done> answer(const runtime::RetireContainer&, const Call&);
  Result<Done> answer(const runtime::ReturnContainer&, const Call&);

 private:
  Docker docker_;
};

class HostDoor {
 public:
  explicit HostDoor(std::string wal_client) : wal_client_{std::move(wal_client)} {}
  [[nodiscard]] Result<HostFacts> answer(const InspectHost&, const Call&);
  static Result<postgres::LoginAnswer> answer(const ProbeLogin&, const Call&);
  static Result<Done> answer(const RegisterNode&, const Call&);
  static Result<Done> answer(const ForgetNode&, const Call&);
  Result<AcquireLock::Answer> answer(const AcquireLock&, const Call&);

 private:
  Result<std::string> wal_client_digest(const Call&);

  std::mutex mutex_;
  std::map<std::string, os::Lock> locks_;
  std::string wal_client_;
  std::string wal_client_digest_;  // computed once: a program does not change under a session
};

}  // namespace dugong::node
