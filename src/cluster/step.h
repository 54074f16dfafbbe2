// A Plan is data: every Step is one effect on one node, so it can be shown, counted, cut at any point and asserted on.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/secret.h"
#include "postgres/facts.h"
#include "runtime/commands.h"
#include "zfs/commands.h"

namespace dugong::cluster {

struct MakeDirectory {
  std::string path;
  std::uint32_t mode = 0755;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  friend bool operator==(const MakeDirectory&, const MakeDirectory&) = default;
};
struct WriteFile {
  std::string path;
  Secret content;  // a Secret even where it is none: a plan is printed, contents never are
  std::uint32_t mode = 0644;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::string> difference;  // "+ work_mem = '64MB'": what the plan shows; empty for secrets
  friend bool operator==(const WriteFile&, const WriteFile&) = default;
};
struct CleanData {  // what a received copy must lose before it may start
  std::string data;
  postgres::Cleanup cleanup;
  friend bool operator==(const CleanData&, const CleanData&) = default;
};
struct RemoveDirectory {  // what is named in it, and it itself when nothing else is there
  std::string path;
  std::vector<std::string> contents;      // go with all below them
  std::vector<std::string> mount_points;  // go if they are empty
  friend bool operator==(const RemoveDirectory&, const RemoveDirectory&) = default;
};
struct InstallWalClient {
  std::string directory;
  friend bool operator==(const InstallWalClient&, const InstallWalClient&) = default;
};
struct RunQuery {  // one of postgres::queries() that changes something
  std::string query;
  std::vector<std::string> parameters;
  std::string database = "postgres";
  friend bool operator==(const RunQuery&, const RunQuery&) = default;
};
struct SetPassword {  // the role is created (LOGIN REPLICATION) when it is missing and `replication` is set
  std::string role;
  Secret password;
  bool replication = false;
  std::string mark_dataset;   // where the mark of the new password is kept …
  std::string mark_property;  // … and under which key
  friend bool operator==(const SetPassword&, const SetPassword&) = default;
};
struct WaitReady {  // until the server takes clients; judged by progress
  friend bool operator==(const WaitReady&, const WaitReady&) = default;
};
struct ProveArchive {  // switch a segment, wait for it in the archive, compare both copies, then mark the dataset
  std::string pg_wal;
  std::string archive;
  std::string mark_dataset;
  std::string mark;
  friend bool operator==(const ProveArchive&, const ProveArchive&) = default;
};
struct TakeSnapshot {  // atomic, held, and written into the catalogue with the insert LSN read afterwards
  std::string dataset;
  std::string name;  // after the '@'
  bool recursive = false;
  zfs::Properties catalogue;  // all but end_lsn
  friend bool operator==(const TakeSnapshot&, const TakeSnapshot&) = default;
};
struct CopySnapshot {  // the step's node receives
  std::string from_node;
  zfs::Send send;
  zfs::Receive receive;
  Guid guid;           // success is: the receiver lists this one
  Bytes expected = 0;  // estimate; 0: unknown
  friend bool operator==(const CopySnapshot& a, const CopySnapshot& b) {
    return a.from_node == b.from_node && a.send.snapshot == b.send.snapshot && a.send.from == b.send.from &&
           a.receive.dataset == b.receive.dataset && a.guid == b.guid;
  }
};
struct RegisterNode {  // so that `dugong node start` finds it at boot
  std::string name;    // "CLUSTER.NODE"
  std::string directory;
  friend bool operator==(const RegisterNode&, const RegisterNode&) = default;
};
struct ForgetNode {
  std::string name;
  friend bool operator==(const ForgetNode&, const ForgetNode&) = default;
};
struct RenameFile {  // never over what is there
  std::string from;
  std::string to;
  friend bool operator==(const RenameFile&, const RenameFile&) = default;
};
struct WaitStreaming {  // until it streams on the upstream's timeline and has replayed what the upstream had at the
                        // start
  std::string upstream;
  friend bool operator==(const WaitStreaming&, const WaitStreaming&) = default;
};

using Action = std::variant<MakeDirectory, WriteFile, CleanData, RemoveDirectory, InstallWalClient, zfs::Create,
                            zfs::Clone, zfs::Destroy, zfs::DestroySnapshot, zfs::Rollback, zfs::Hold, zfs::Release,
                            zfs::SetProperties, zfs::ClearMarks, zfs::Mount, zfs::Unmount, runtime::InitData,
                            runtime::StartServer, runtime::StopServer, runtime::RemoveServer, runtime::RetireContainer,
                            runtime::ReturnContainer, RenameFile, RunQuery, SetPassword, WaitReady, ProveArchive,
                            TakeSnapshot, CopySnapshot, WaitStreaming, RegisterNode, ForgetNode>;

struct Step {
  std::string node;
  Action action;
  std::string why;        // shown by --explain; may be empty
  bool may_fail = false;  // a refusal is told as a warning and does not end the run
};

struct Restart {  // of a server that takes clients now
  std::string node;
  std::string why;
};

// What differs between a server that is taken over as it is and as the cluster file says it.
struct AdoptionChange {
  std::string what;      // a setting, or "pg_hba.conf", "compose file", "container", "image"
  std::string from;      // empty: it was not set
  std::string to;        // empty: it goes
  std::string source;    // where it is now: "command line", "postgresql.conf line 65"; empty: nowhere
  bool restart = false;  // a server takes it at its start only
  friend bool operator==(const AdoptionChange&, const AdoptionChange&) = default;
};
struct Adoption {
  std::string node;
  std::string dataset;
  std::string data;
  bool running = false;  // its server is stopped once
  std::vector<AdoptionChange> changes;
};

struct Plan {
  std::vector<Step> steps;
  std::vector<Adoption> adoptions;  // that are not finished: they are agreed to one by one
  std::vector<Restart> restarts;    // by these steps or by those that will follow: shown before anybody agrees
  bool more = false;               // observe and plan again when these are done: what follows depends on what they show
  std::vector<std::string> notes;  // what the operator should know, though nothing is done about it
  Bytes copied_later = 0;          // about: by full copies of a snapshot that is taken here
};

// One line: "create dataset tank/dex (recordsize=64K …)". Never shows a secret.
std::string describe(const Action& action);
// Whether it takes something away that cannot be made again without a copy.
bool is_destructive(const Action& action);

}  // namespace dugong::cluster
