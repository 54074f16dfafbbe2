// What starts a node's server after its machine has booted, and what keeps it from starting.
//
// Docker starts nothing by itself (restart: "no"), and datasets are `canmount=noauto`. `dugong node start` comes after
// the pools, looks, and starts only what it has seen to be right. It has no cluster file: `up` leaves a BootRecord in
// the node's directory, and the directory's name in the host's register (node::RegisterNode). The record says where to
// look, never what to believe: whether the node may start, its datasets, its data and its peers show.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "cluster/ground.h"
#include "cluster/observed.h"
#include "spec/spec.h"

namespace dugong::cluster {

struct Peer {
  std::string name;
  std::string address;
  std::uint16_t port = 0;
  friend bool operator==(const Peer&, const Peer&) = default;
};
struct BootRecord {
  std::string cluster;
  std::string node;
  std::string prefix;
  std::string adopted{};  // dataset; empty: the live data is below the prefix
  SystemId system_identifier;
  runtime::Server server;
  std::string replication_user;
  std::string passfile;     // host path
  std::vector<Peer> peers;  // all other nodes
  spec::BootPolicy policy = spec::BootPolicy::wait;
  friend bool operator==(const BootRecord&, const BootRecord&) = default;

  [[nodiscard]] std::string name() const { return cluster + "." + node; }  // of the lock and in the register
};
BootRecord boot_record_of(const spec::Spec& spec, const spec::Node& node, SystemId system_identifier);
std::string boot_file(const std::string& directory);
std::string render(const BootRecord& record);
// Errors: failed, naming `file` (no JSON, a key is missing or of another kind).
Result<BootRecord> parse_boot_record(std::string_view text, const std::string& file);

// The record and its entry in the register, where they differ.
void plan_boot(const Ground& ground, SystemId system_identifier, Steps& steps);

struct BootSeen {
  Sample<zfs::Pool> pool;
  Sample<std::vector<zfs::Dataset>> storage;
  Sample<runtime::ServerFacts> server;
  Sample<postgres::DataFacts> data;
  // By name; absent: they were not asked yet.
  std::optional<std::map<std::string, postgres::PeerFacts>> peers;
};

struct BootRefusal {
  enum class Lasts { for_good, for_now };  // for now: what is missing may come by itself
  Lasts lasts = Lasts::for_good;
  std::string code;  // "pool-missing": of the metric
  Error error;
};
struct BootMount {
  std::string dataset;
};
struct BootAsk {};  // the peers
struct BootStart {
  std::vector<std::string> notes;  // risks that the policy takes
};
struct BootRunning {};
using BootVerdict = std::variant<BootRefusal, BootMount, BootAsk, BootStart, BootRunning>;

// What to do next. Every sample that it asks for is looked at again after BootMount and BootAsk.
BootVerdict judge_boot(const BootRecord& record, const BootSeen& seen);

// The text of a node's metric file, for node_exporter's textfile collector. `code`: "started", "running", or a
// refusal's.
std::string boot_metrics(const BootRecord& record, std::string_view code, std::int64_t wall_seconds);

}  // namespace dugong::cluster
