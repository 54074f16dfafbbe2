// A cluster of a (primary), b and c in which `check` finds nothing amiss, so that a case is one change and one look.
#pragma once

#include <gtest/gtest.h>
#include <string>

#include "report/check.h"
#include "test/support/plans.h"

namespace dugong::report {

inline void make_sound(cluster::ObservedNode& node) {
  node.host.value->memory = Bytes{8} << 30;
  node.host.value->huge_page = Bytes{2} << 20;
  node.pool.value->version = "openzfs 2.3.2";
  node.pool.value->can_receive_unmounted = true;
  node.pool.value->has_lz4 = true;
  node.software.value->libc = "glibc 2.36";
  for (auto& dataset : *node.storage.value) {
    if (dataset.is_snapshot) continue;
    dataset.sync = "standard";
    dataset.shown = {
        {"recordsize", "65536"}, {"compression", "lz4"},
        {"atime", "off"},        {"logbias", "latency"},
        {"quota", "0"},          {"encryption", "off"},
        {"sync", "standard"},    {"refreservation", dataset.mark("state") != nullptr ? "1073741824" : "0"}};
  }
  if (!node.sql) return;
  auto& settings = node.sql.value->settings;
  settings["data_directory"].value = "/var/lib/postgresql/data";
  for (const std::string name : {"config", "hba", "ident"})
    settings[name + "_file"].value = "/var/lib/postgresql/data/" + name + ".conf";
}

struct Checkup {
  spec::Spec spec = cluster::a_spec({"a", "b", "c"});
  cluster::Observed seen = cluster::settled(spec);
  Tried tried;

  Checkup() {
    for (auto& node : seen.nodes) make_sound(node);
    for (const auto& from : spec.nodes) {
      tried.engines[from.name] =
          test::sampled(runtime::Engine{"28.2.2", "1.24", "docker compose", "2.29.7", std::nullopt});
      for (const auto& to : spec.nodes)
        if (from.name != to.name)
          tried.logins[{from.name, to.name}] = test::sampled(postgres::LoginAnswer{.asked_for_password = true});
    }
  }
  cluster::ObservedNode& a() { return seen.nodes[0]; }
  cluster::ObservedNode& b() { return seen.nodes[1]; }
  static zfs::Dataset& live(cluster::ObservedNode& node) {
    for (auto& dataset : *node.storage.value)
      if (!dataset.is_snapshot && dataset.mark("state") != nullptr) return dataset;
    ADD_FAILURE() << "no live dataset";
    return node.storage.value->front();
  }
  // Nothing of ours anywhere: before the first `up`.
  void bare() {
    for (std::size_t i = 0; i < seen.nodes.size(); ++i) {
      auto fresh = test::bare(spec.nodes[i]);
      make_sound(fresh);
      seen.nodes[i] = std::move(fresh);
    }
    for (auto& [way, login] : tried.logins) refuse(way.first, way.second);
  }
  static void stop(cluster::ObservedNode& node) {
    node.server.value->state = runtime::ServerState::exited;
    node.sql = {.value = std::nullopt, .error = {ErrorKind::failed, "PostgreSQL is not running", "", "", ""}};
  }
  void fail_login(const std::string& from, const std::string& to, ErrorKind kind, const std::string& what) {
    tried.logins[{from, to}] = {.value = std::nullopt, .error = {kind, what, "", "", ""}};
  }
  void refuse(const std::string& from, const std::string& to) {
    fail_login(from, to, ErrorKind::unreachable, "connect to it: Connection refused");
  }
  void set(const std::string& name, const std::string& value) { spec.postgres.settings.push_back({name, value, {}}); }

  [[nodiscard]] std::vector<Finding> all() const { return check(spec, seen, tried, {}); }
  [[nodiscard]] Finding find(const std::string& id, const std::string& node = "b") const {
    for (const auto& finding : all())
      if (finding.id == id && finding.node == node) return finding;
    return {.id = "none", .node = node, .severity = Severity::unknown, .evidence = "no such finding"};
  }
  [[nodiscard]] std::string severity(const std::string& id, const std::string& node = "b") const {
    const auto found = find(id, node);
    return found.id == "none" ? "none" : to_string(found.severity);
  }
};

inline bool mentions(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace dugong::report
