// A small world for the engine to act on: hosts with pools, files and servers, a clock that tests tick, and a record
// of everything that must never happen. It refuses what the real tools refuse (refusals.h), and it can kill the
// controller at any call, so that "interrupted anywhere, run again, same end" is one loop in a test.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/units.h"
#include "node/node.h"
#include "postgres/control.h"
#include "postgres/facts.h"
#include "runtime/commands.h"
#include "zfs/commands.h"

namespace dugong::sim {

enum class Flavour { zfs_fuse_v23, openzfs };

// A file or a directory. Big files (WAL segments) have a short content and a size of their own.
struct Entry {
  bool directory = false;
  std::string content;
  std::uint32_t mode = 0644;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t virtual_size = 0;
  std::int64_t mtime_ns = 0;
  std::string link;  // a symlink's target; empty: none
};
using Files = std::map<std::string, Entry>;  // path below the tree's root without a leading '/'; "" is the root itself

struct RoleRow {
  bool login = true;
  bool replication = false;
  bool superuser = false;
  std::string password;
  std::string verifier;  // new at every setting, as a SCRAM salt is
};
struct Catalog {  // what replay carries to a standby
  std::map<std::string, RoleRow> roles;
  std::map<std::string, std::map<std::string, std::string>> databases;  // name → extensions
  std::map<std::string, std::string> probes;                            // of verify: token → node
};
struct Fork {  // where a timeline ended and the next one began
  TimelineId timeline;
  Lsn at;
};

// What a data directory holds beside the small files that are kept as files.
struct Cluster {
  postgres::ControlData control;
  Lsn insert;     // end of the WAL that is here
  Lsn wal_begin;  // the oldest WAL that is here
  Catalog catalog;
  std::vector<Fork> forks;
  Bytes data_size = Bytes{64} << 20;
};

struct Tree {
  Files files;
  std::map<std::string, Cluster> clusters;  // by the data directory's path below the tree's root
};

struct Dataset {
  std::string name;
  Guid guid;
  std::uint64_t createtxg = 0;
  std::int64_t creation = 0;
  zfs::Properties local;       // native and user properties with source=local
  std::shared_ptr<Tree> tree;  // shared with the newest snapshot until it is written to
  std::string origin;
  std::string resume_token;
  std::string mounted_at;  // empty: not mounted
  bool hollow = false;     // left by a cut receive: holds nothing that could be mounted
};

struct SnapshotRow {
  std::string name;  // DATASET@NAME
  Guid guid;
  std::uint64_t createtxg = 0;
  std::int64_t creation = 0;
  zfs::Properties local;
  std::shared_ptr<Tree> tree;
  std::set<std::string> holds;
};

struct Pool {
  std::string name;
  Flavour flavour = Flavour::zfs_fuse_v23;
  Bytes size = 0;
  std::uint64_t txg = 4;
  std::map<std::string, Dataset> datasets;
  std::map<std::string, SnapshotRow> snapshots;
};

struct Bind {
  std::string source;  // on the host
  std::string target;  // inside
};

struct ConfError {
  std::string text;
  std::string file;
  std::size_t line = 0;
  std::string name;
};

enum class Phase { initdb, temporary, starting, ready };

struct Server {
  runtime::Kind kind = runtime::Kind::compose;
  std::string name;  // project, or the data directory of a process
  std::string host;
  runtime::ServerState state = runtime::ServerState::absent;
  std::string compose_text;  // what the container was made from
  std::string image;
  runtime::Software software;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> environment;
  std::vector<std::string> command;
  std::string restart_policy = "no";
  std::vector<Bind> binds;
  std::string data;     // host path
  std::string dataset;  // what `data` was on when it started; empty: the host's own tree
  std::string inner;    // path of the data directory below that
  int exit_code = 0;
  std::vector<std::string> log;
  Phase phase = Phase::starting;
  Millis phase_ends{0};
  std::map<std::string, postgres::ShownSetting> settings;  // in force
  std::string hba;                                         // as loaded
  std::vector<ConfError> conf_errors;
  bool in_recovery = false;
  bool streaming = false;
  bool replay_paused = false;
  std::string upstream_host;
  std::string upstream_server;
  std::string sender_address;
  std::string slot_name;
  Millis started{0};
  Millis conf_loaded{0};
  Millis caught_up{0};
  Millis last_checkpoint{0};
  std::optional<Lsn> running_checkpoint{};  // its redo point; pg_control hears of it when it ends
  std::string last_archived;
  std::int64_t archived_count = 0;
  std::string last_failed;
  std::int64_t failed_count = 0;
  bool archiving_fails = false;

  [[nodiscard]] bool running() const { return state == runtime::ServerState::running; }
  [[nodiscard]] bool ready() const { return running() && phase == Phase::ready; }
};

struct Lock {
  std::string holder;
  std::uint64_t controller = 0;
};

struct Host {
  std::string name;
  std::string address;
  std::string boot_id;
  bool reachable = true;
  Millis clock_ahead{0};  // of the controller's
  Tree root;
  std::map<std::string, Pool> pools;
  std::map<std::string, Server> servers;
  std::map<std::string, Lock> locks;
  std::map<std::string, std::string> registered;  // what is started at boot: node → directory
  std::vector<std::string> units;                 // of systemd, that would start a server of the host
};

struct Options {
  std::vector<std::string> hosts = {"a", "b", "c"};  // addresses 10.0.0.1, 10.0.0.2, …
  std::map<std::string, std::string> nodes;          // node → host; empty: every host is a node of its own name
  Flavour flavour = Flavour::zfs_fuse_v23;
  std::map<std::string, Flavour> flavours;  // of hosts that differ
  std::string pool = "tank";
  Bytes pool_size = Bytes{64} << 30;
  std::string image = "timescale/timescaledb:2.19.1-pg14";
  std::string bin_dir = "/usr/lib/postgresql/14/bin";
  std::string pgdata = "/var/lib/postgresql/data";
  runtime::Engine engine = {"28.2.2", "1.24", "docker compose", "2.29.7", std::nullopt};
  std::int64_t version_number = 140018;
  std::uint64_t seed = 1;
  Millis call_time{5};      // what every call takes
  Millis start_time{300};   // from start to the first answer
  Millis initdb_time{200};  // initdb, and again the temporary server
  Bytes wal_keep = Bytes{64} << 20;
  Bytes data_size = Bytes{64} << 20;
  std::uint32_t wal_segment_size = 16U << 20;
  Bytes write_load = 0;  // WAL bytes per second that clients make on a primary
  Millis checkpoint_every{60'000};
  Millis checkpoint_time{54'000};       // from its start to its end: checkpoint_completion_target is 0.9
  bool cut_full_leaves_dataset = true;  // v23: what a cut full receive leaves behind
  std::map<std::string, std::string> extensions = {{"plpgsql", "1.0"}, {"timescaledb", "2.19.1"}};  // on offer
  std::vector<std::string> secrets;  // must never be written where others can read them
};

// All that is there. Plain data: the sim_*.cpp files give it behaviour.
struct State {
  Options options;
  std::map<std::string, Host> hosts;
  std::map<std::string, std::string> nodes;  // node → host
  std::mt19937_64 random;
  Millis now{0};
  std::set<std::pair<std::string, std::string>> cut_links;
  std::vector<std::string> violations;
  std::map<std::string, std::string> controller_lock;

  void violate(const std::string& what);
  [[nodiscard]] bool linked(const std::string& a, const std::string& b) const;
};

// What a test may do to a call: an Error instead of the answer. Called before the call happens.
using Fault = std::function<std::optional<Error>(const std::string& node, const node::Request& request)>;
using CopyFault = std::function<std::optional<Error>(const node::CopyRequest& request)>;

class World {
 public:
  explicit World(Options options);

  // A controller starts afresh: the locks of the one before are released, and it is alive, until a kill that was asked
  // for and has not come yet.
  std::unique_ptr<node::Fleet> new_controller();
  // One beside it, which stands still from now on and keeps its locks.
  std::unique_ptr<node::Fleet> controller_beside();

  // The n-th call from now (1: the next one; a copy counts four times) is the controller's last: it happens and its
  // answer is lost, or it does not happen; afterwards every call of this controller is ErrorKind::interrupted. 0: none.
  void kill_after(std::uint64_t calls);
  // The session to this node dies under its next call: ErrorKind::unreachable, happened or not.
  void kill_serve(const std::string& node);
  void set_fault(Fault fault);
  void set_copy_fault(CopyFault fault);  // asked in the middle of a copy, which is cut when it answers
  [[nodiscard]] bool killed() const { return killed_; }
  // "b: Clone, not done": for the message of a test that fails. The engine looks at nodes in parallel, so the n-th call
  // need not be the same in the next run.
  [[nodiscard]] std::string killed_at() const { return killed_at_; }
  [[nodiscard]] std::uint64_t calls() const { return calls_; }

  [[nodiscard]] Steady::time_point now();
  [[nodiscard]] std::int64_t wall_ns();
  void sleep(Millis duration);

  // Things that happen to hosts.
  void set_reachable(const std::string& host, bool reachable);
  void set_link(const std::string& a, const std::string& b, bool up);
  void set_write_load(Bytes bytes_per_second);
  void crash_server(const std::string& host, const std::string& name);  // SIGKILL: no shutdown checkpoint
  void reboot(const std::string& host);
  void checkpoint(const std::string& host, const std::string& name);

  // What must never happen and did; empty is the invariant that every test checks after every call.
  [[nodiscard]] std::vector<std::string> violations();
  // Canonical text of all that matters and none of what may differ between two runs (guids, LSNs, times).
  [[nodiscard]] std::string fingerprint();

  // For tests that build or look at a world directly.
  State& state() { return state_; }
  Host& host(const std::string& name) { return state_.hosts.at(name); }
  Server* server_on(const std::string& host);  // the only one there; nullptr: none

 private:
  friend class SimNode;
  friend class SimFleet;
  enum class Fate { normal, lost_before, lost_after };
  Result<node::Answer> call(std::uint64_t controller, const std::string& node, const node::Request& request);
  Result<node::CopyResult> copy(std::uint64_t controller, const node::CopyRequest& request,
                                const node::CopyProgress& progress);
  Fate count_call(const std::string& what);
  std::optional<Fate> serve_fate(const std::string& node);
  void advance(Millis duration);
  void tick();
  [[nodiscard]] Error interrupted() const;

  std::recursive_mutex mutex_;  // a test looks at the world from inside a fault
  State state_;
  Millis ticked_{0};
  std::uint64_t controller_ = 0;
  std::uint64_t calls_ = 0;
  std::uint64_t kill_at_ = 0;
  bool killed_ = false;
  std::string killed_at_;
  std::set<std::string> doomed_serves_;
  Fault fault_;
  CopyFault copy_fault_;
};

inline World world(Options options) { return World{std::move(options)}; }

}  // namespace dugong::sim
