// The cluster file as values: what the operator wants, checked as far as one file alone can be checked.
//
// parse_spec() is pure: environment and secret files come in through Surroundings, so every error can be shown in a
// unit test. Every error is ErrorKind::invalid with where = "dugong.toml:LINE:COLUMN" and changes nothing.
//
// Who starts as primary: the node that says role = "primary"; if none does, the first one. It follows nobody. Every
// other node follows the node it names, or the primary when it names none; cascading is allowed. So two primaries,
// none (the first follows somebody or says role = "replica"), and circles are all visible in the file, and refused.
//
// ${NAME} in any string value is replaced from the environment, once: neither what a variable holds nor what a secret's
// variable or file holds is looked at again. "$${" is a literal "${".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "base/units.h"

namespace dugong::spec {

// "dugong.toml:12:3"; kept for what can only be refused later, against a node.
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  friend bool operator==(const Position&, const Position&) = default;
};

enum class RuntimeKind { compose, process };

struct Setting {
  std::string name;   // lower case
  std::string value;  // as text: 3072 → "3072", 0.90 → "0.90", true → "on", "32GB" stays
  Position position;  // of the name
  friend bool operator==(const Setting&, const Setting&) = default;
};

struct Postgres {
  RuntimeKind runtime = RuntimeKind::compose;
  std::string image;                 // compose only
  std::string bin_dir;               // process only: where initdb, pg_ctl and postgres are
  std::string os_user = "postgres";  // process only: who owns the data
  std::string database = "postgres";
  std::uint16_t port = 5432;              // of a node that gives none
  std::string shm_size = "1g";            // compose only
  std::string logs;                       // host directory, one below it per node; empty: beside the data
  std::vector<std::string> extensions;    // created in `database`; default {"timescaledb"}
  std::vector<Setting> settings;          // both roles
  std::vector<Setting> replica_settings;  // added, or overriding, on replicas
};

struct Auth {
  std::string superuser = "postgres";
  Secret superuser_password;
  std::string replication_user = "replicator";
  Secret replication_password;
};

// How much of a node's pool bases may pin: what is kept only so that the next increment has something to start from.
struct BaseBudget {
  Bytes bytes = 0;        // counts where percent is 0
  unsigned percent = 25;  // of the pool: beside half a pool of data it ends below the 80 % where ZFS gets slow
  friend bool operator==(const BaseBudget&, const BaseBudget&) = default;
};

struct Node {
  std::string name;
  std::string address;             // IPv4, IPv6 or host name: what the other nodes connect to
  std::optional<std::string> ssh;  // absent: this machine
  std::string prefix;              // parent dataset, POOL/…
  std::string directory;           // host directory of mounts, compose file, secrets, without '/' at its end; default
                                   // /srv/dugong/CLUSTER/NODE
  std::string adopt;               // dataset with an existing PGDATA, which is this node's live data; empty: none
  std::string data;                // with adopt: where that PGDATA is on the host; default "/" + adopt
  std::uint16_t port = 0;          // resolved
  std::string follows;             // upstream's name; empty on the starting primary only
  BaseBudget base_budget;          // resolved
  Position position;
  [[nodiscard]] bool is_primary() const { return follows.empty(); }
};

struct Ssh {
  std::string config;  // passed to ssh as -F; empty: ssh's own defaults
};

struct Storage {
  std::string recordsize = "64K";  // of the data; ZFS's own words, 8K at least (full_page_writes=off leans on it)
  Bytes reserve = Bytes{1} << 30;  // refreservation of the live dataset: room that snapshots cannot take from it
  Bytes archive_quota = 0;         // 0: none
  BaseBudget base_budget;          // of a node that gives none
};

struct Seed {
  // A database larger than this is copied first without a slot, then brought near by increments, and only then
  // given a slot: minutes of WAL are kept for it instead of hours (facts: pg_create_physical_replication_slot).
  Bytes slot_late_above = Bytes{64} << 30;
  // While commits on the primary take longer than this (and than three times what they took before), a copy goes
  // slower. 0: it never does.
  Millis commit_latency{8};
};

// What a node that was the primary does at boot while no answer of a peer rules out that another took over.
enum class BootPolicy {
  wait,   // stays down and goes on asking
  start,  // starts: two primaries, if another did take over
};

struct Spec {
  std::string cluster;
  BootPolicy boot = BootPolicy::wait;
  std::string file;  // as the user named it, for messages
  Postgres postgres;
  Auth auth;
  Ssh ssh;
  Storage storage;
  Seed seed;
  std::vector<Node> nodes;  // in the file's order

  [[nodiscard]] const Node* find(std::string_view name) const;
  [[nodiscard]] const Node& primary() const;  // parse_spec guarantees exactly one
};

struct Surroundings {
  std::function<std::optional<std::string>(std::string_view)> environment;
  std::function<Result<std::string>(const std::string& path)> read_file;  // one trailing newline is cut by parse_spec
};

// `file` is used in messages only. Errors: invalid, all of them.
Result<Spec> parse_spec(std::string_view text, const std::string& file, const Surroundings& surroundings);

// "dugong.toml:12:3"
std::string place(const Spec& spec, Position position);

// The commented file that `dugong init` writes; parses without error once its variables are set.
std::string example_file(std::string_view cluster);

}  // namespace dugong::spec
