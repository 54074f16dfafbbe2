// What the nodes show at one moment: the only thing that planners and verdicts look at.
//
// Everything is a Sample: a value, or the reason why there is none. A planner never reads "absent" as "zero".
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/units.h"
#include "postgres/facts.h"
#include "runtime/commands.h"
#include "zfs/commands.h"

namespace dugong::cluster {

template <class T>
struct Sample {
  std::optional<T> value;
  Error error;                    // why there is no value; its kind tells "down" from "not asked"
  Steady::time_point taken_at{};  // when the answer arrived

  explicit operator bool() const { return value.has_value(); }
  const T& operator*() const { return *value; }
  const T* operator->() const { return &*value; }
};

struct Host {
  std::string hostname;
  std::string boot_id;
  std::string dugong_version;
  std::string wal_client;  // SHA-256 of the dugong-wal beside that dugong
  std::vector<std::uint16_t> listening;
  std::vector<std::string> addresses;
  Bytes memory = 0;     // 0: not known
  Bytes huge_page = 0;  // size of one; 0: not known
  std::uint64_t huge_pages = 0;
  std::uint64_t huge_pages_free = 0;
  std::map<std::string, std::string> registered;  // nodes that are started at boot: "CLUSTER.NODE" → directory
  std::int64_t wall_ns = 0;  // node's wall clock, nanoseconds since 1970; read before its files are looked at
  // Node's wall clock minus the controller's, from the middle of the round trip; the truth is within ± uncertainty.
  double clock_offset_seconds = 0;
  double clock_uncertainty_seconds = 0;
};

struct FileView {
  bool exists = false;
  bool is_directory = false;
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string content;
  std::vector<std::string> entries;  // of a directory that is wholly ours: the names in it
};

struct ObservedNode {
  std::string name;
  Sample<Host> host;  // no value: the node cannot be reached, and neither has any other sample one
  Sample<zfs::Pool> pool;
  // The prefix and everything below, then what is adopted, likewise; of what does not exist there is nothing.
  Sample<std::vector<zfs::Dataset>> storage;
  // Adopted: directories in that dataset that hold a database, when the one that the file names holds none.
  std::vector<std::string> databases_elsewhere;
  Sample<runtime::Software> software;
  Sample<runtime::ServerFacts> server;
  Sample<postgres::DataFacts> data;
  Sample<postgres::ServerSql> sql;        // no value: not running or not ready, error.what says which
  std::map<std::string, FileView> files;  // wanted_files() of layout.h, by path
  std::optional<Error> unread;            // why one of them could not be looked at: it is not known to be absent
  // Marks of role passwords (node::RolePasswordMark), by role; absent: role or server not there.
  std::map<std::string, std::string> password_marks;

  [[nodiscard]] bool reachable() const { return host.value.has_value(); }
};

struct Observed {
  std::vector<ObservedNode> nodes;  // in the order of the cluster file
  Steady::time_point taken_at{};
  std::int64_t wall_seconds = 0;  // controller's clock, for names and ages only

  [[nodiscard]] const ObservedNode* find(std::string_view name) const {
    for (const auto& node : nodes)
      if (node.name == name) return &node;
    return nullptr;
  }
};

}  // namespace dugong::cluster
