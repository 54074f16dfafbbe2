// Everything a node can be asked, as one variant of plain values. Local, remote and simulated nodes answer the same.
//
// Paths are absolute host paths; `serve` judges them against its policy, and every node opens them without following a
// symlink below the directory that they are allowed in (node/places.h). Answers are values too; what is missing is an
// answer ("does not exist"), not an error.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "postgres/facts.h"
#include "postgres/identifiers.h"
#include "postgres/queries.h"
#include "runtime/commands.h"
#include "zfs/commands.h"

namespace dugong::node {

// Bytes that need not be UTF-8.
struct Blob {
  std::string bytes;
  friend bool operator==(const Blob&, const Blob&) = default;
};

struct HostFacts {
  std::string hostname;
  std::string boot_id;
  std::string version;                   // of dugong there
  std::string wal_client;                // SHA-256 of the dugong-wal that it would install; empty: there is none
  std::int64_t wall_ns = 0;              // CLOCK_REALTIME, nanoseconds since 1970, when the answer was made
  std::vector<std::uint16_t> listening;  // TCP ports somebody listens on
  std::vector<std::string> addresses;    // of this host, numeric
  Bytes memory = 0;
  Bytes huge_page = 0;  // size of one; 0: not known
  std::uint64_t huge_pages = 0;
  std::uint64_t huge_pages_free = 0;
  std::map<std::string, std::string> registered;  // RegisterNode
};
struct InspectHost {
  using Answer = HostFacts;
  bool whole = true;  // false: without what takes time to find out: wal_client, listening
};

struct InspectData {
  using Answer = postgres::DataFacts;
  std::string data;
};

struct FileFacts {
  bool exists = false;
  bool is_directory = false;
  std::uint64_t size = 0;
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  Blob content;                      // first `limit` bytes; of a regular file only, a symlink is not followed
  std::vector<std::string> entries;  // of a directory: the names in it, sorted, as many as `limit` bytes hold
};
struct ReadFile {
  using Answer = FileFacts;
  std::string path;
  std::uint64_t limit = 1 << 20;  // more than 16 MiB is not read
};
struct WriteFile {  // temporary file, fsync, rename, fsync directory; owner and mode set before the rename
  using Answer = Done;
  std::string path;
  Blob content;
  std::uint32_t mode = 0644;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};
// Owners, here and above: behind `serve` root, and whom InspectSoftware named in the same session.
// Within one file system, and never over what is there. What is not there any more is fine.
struct RenameFile {
  using Answer = Done;
  std::string from;
  std::string to;
};
struct MakeDirectory {  // parents too; mode and owner are set when they differ
  using Answer = Done;
  std::string path;
  std::uint32_t mode = 0755;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};
struct RemovePaths {  // below `root` only; what is missing already is fine
  using Answer = Done;
  std::string root;
  std::vector<std::string> files;
  std::vector<std::string> emptied_dirs;
};
// A directory of ours, for `down --destroy`: what is named goes, then the directory if nothing else is in it. Error
// refused, before anything is removed: something is mounted below.
struct RemoveDirectory {
  using Answer = Done;
  std::string path;
  std::vector<std::string> contents;      // names in it that go with all below them, in this order
  std::vector<std::string> mount_points;  // names in it that go if they are empty
};
struct InstallWalClient {  // copies dugong-wal beside the node's own binary into `directory`; nothing when it is equal
  using Answer = Done;
  std::string directory;
};
struct DigestFile {
  struct Answer {
    bool exists = false;
    std::uint64_t size = 0;
    std::string sha256;
  };
  std::string path;
};

struct SqlTarget {
  std::string socket_dir;
  std::uint16_t port = 0;
  std::string user;
  std::string database;
  std::string password_file;  // on the node: a regular file of whom its directory belongs to
};
struct SqlCall {
  std::string query;  // postgres::queries()
  std::vector<std::string> parameters;
};
struct RunSql {  // all calls on one connection; one StatementResult per statement of each call
  struct Answer {
    bool connected = false;
    std::string sqlstate;  // why not: 57P03 starting up, 08001 nobody there, 28P01 password …
    std::string message;
    std::vector<std::vector<postgres::StatementResult>> calls;
  };
  SqlTarget target;
  std::vector<SqlCall> calls;
};
// ALTER/CREATE ROLE with a password that never becomes SQL text in clear: the verifier is made by libpq on the node.
struct SetRolePassword {
  using Answer = Done;
  SqlTarget target;
  std::string role;
  Blob password;
  bool replication = false;  // true: the role is created with REPLICATION LOGIN when missing
};
// A mark that stays equal while neither the role's stored verifier nor the password changes: hex HMAC-SHA256 of the
// password, keyed with pg_authid.rolpassword. Tells "already set" from "to be set" without either leaving the node.
struct RolePasswordMark {
  struct Answer {
    std::string mark;  // empty: no such role, or it has no password
  };
  SqlTarget target;
  std::string role;
  Blob password;
};
struct ProbeLogin {  // a replication login without a password, as far as pg_hba.conf answers
  using Answer = postgres::LoginAnswer;
  std::string from_address;  // local address to bind; empty: any
  std::string to_address;
  std::uint16_t port = 0;
  std::string user;
  // How long the other side may take, in ms; 0: as long as the call itself. Shorter, the node's own "no answer in time"
  // arrives, which a call that has run out of time could not be told from.
  std::uint32_t patience = 0;
};

// What another node's server says of itself, over a replication connection. That it does not answer is an answer.
struct AskPeer {
  using Answer = postgres::PeerFacts;
  std::string address;
  std::uint16_t port = 0;
  std::string user;
  std::string passfile;  // on the node: a regular file of whom its directory belongs to
};

// The host's register of what `dugong node start` starts at boot: one entry per node, in the state directory.
struct RegisterNode {
  using Answer = Done;
  std::string name;       // "CLUSTER.NODE"
  std::string directory;  // of that node, where its boot.json is
};
struct ForgetNode {  // one that is not there is fine
  using Answer = Done;
  std::string name;
};

struct AcquireLock {  // held until the session ends
  struct Answer {
    bool acquired = false;
    std::string holder;  // who has it instead
  };
  std::string name;    // "CLUSTER.NODE", "dataset-…", "directory-…": cluster::locks_of
  std::string holder;  // "dugong up, root@host, pid 12, since …"
};

using Request =
    std::variant<InspectHost, zfs::ListTree, zfs::InspectPool, zfs::Create, zfs::Snapshot, zfs::Clone, zfs::Destroy,
                 zfs::DestroySnapshot, zfs::Rollback, zfs::Hold, zfs::Release, zfs::SetProperties, zfs::ClearMarks,
                 zfs::Mount, zfs::Unmount, runtime::InspectSoftware, runtime::InspectEngine, runtime::InspectServer,
                 runtime::InitData, runtime::StartServer, runtime::StopServer, runtime::RemoveServer,
                 runtime::RetireContainer, runtime::ReturnContainer, InspectData, ReadFile, WriteFile, RenameFile,
                 MakeDirectory, RemovePaths, RemoveDirectory, InstallWalClient, DigestFile, RunSql, SetRolePassword,
                 RolePasswordMark, ProbeLogin, AskPeer, RegisterNode, ForgetNode, AcquireLock>;

using Answer = std::variant<Done, HostFacts, std::vector<zfs::Dataset>, zfs::Pool, runtime::Software, runtime::Engine,
                            runtime::ServerFacts, postgres::DataFacts, FileFacts, DigestFile::Answer, RunSql::Answer,
                            RolePasswordMark::Answer, postgres::LoginAnswer, postgres::PeerFacts, AcquireLock::Answer>;

}  // namespace dugong::node
