// One small function per subject of `dugong check`, and what they all look at. check.cpp asks them in turn.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/ground.h"
#include "report/check.h"

namespace dugong::report {

// A finding without its name and place.
struct Judgement {
  Severity severity = Severity::unknown;
  std::string evidence;
  std::string consequence;
  std::string remedy;
};
inline Judgement fine(std::string evidence) { return {Severity::ok, std::move(evidence), {}, {}}; }

// One node's part of what was seen and tried.
struct Scene {
  const spec::Spec& spec;
  const spec::Node& node;
  const cluster::Observed& all;
  const cluster::ObservedNode& seen;
  const cluster::ObservedNode& primary;
  const Tried& tried;
  const zfs::Dataset* parent = nullptr;     // nullptr: there is none, or the storage was not seen
  const zfs::Dataset* live = nullptr;       // likewise
  const cluster::Ground* ground = nullptr;  // nullptr: not all of the node could be looked at, see `blind`
  const cluster::Ground* primary_ground = nullptr;
  std::string blind;

  [[nodiscard]] bool has_data() const;    // a database, made whole
  [[nodiscard]] bool is_bare() const;     // it is seen that there is none
  [[nodiscard]] bool is_compose() const;  // containers
};

struct Subject {
  std::string_view id;
  std::optional<Judgement> (*judge)(const Scene&) = nullptr;  // nothing: the subject does not apply to this node
};
const std::vector<Subject>& storage_subjects();
const std::vector<Subject>& runtime_subjects();
const std::vector<Subject>& host_subjects();
const std::vector<Subject>& server_subjects();
const std::vector<Subject>& age_subjects();

// What `up` would refuse, one finding per rule of rules().
std::vector<std::string> rule_ids();
std::vector<std::pair<std::string, Judgement>> judge_rules(const Scene& scene);

// For what only a running server tells: that there is no data yet is fine, all else is unknown.
Judgement without_server(const Scene& scene);
// The same for what zfs tells.
Judgement without_storage(const Scene& scene);

// A setting as the file wants it, else as the server has it, else PostgreSQL's default.
struct Wanted {
  std::string value;
  std::string from;  // "dugong.toml", "the running server", "PostgreSQL's default"
};
Wanted wanted(const Scene& scene, std::string_view name, std::string_view otherwise);
Wanted wanted(const spec::Spec& spec, const spec::Node& node, const cluster::ObservedNode& seen, std::string_view name,
              std::string_view otherwise);
// A size, of which a bare number counts `unit`s. Nothing: it cannot be read.
std::optional<Bytes> size_of(const Wanted& wanted, Bytes unit);
// A number, with or without a fraction. Nothing: it cannot be read.
std::optional<double> number_of(const Wanted& wanted);

// "2.1.14" against (2, 1, 14), element by element; nothing: it is no version.
std::optional<std::vector<std::uint64_t>> version_numbers(std::string_view text);
bool is_older(std::string_view version, const std::vector<std::uint64_t>& than);  // false for what is no version

}  // namespace dugong::report
