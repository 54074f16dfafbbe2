// What has to be put on a host so that dugong works there, and what is taken away again: from what the cluster file
// wants and what a look at the host showed. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "node/certificates.h"
#include "node/host_shell.h"
#include "node/policy.h"
#include "spec/spec.h"

namespace dugong::engine {

// Where everything is, on every host.
namespace installed {
inline constexpr std::string_view program = "/usr/local/bin/dugong";
inline constexpr std::string_view former_program = "/usr/local/bin/dugong.previous";
inline constexpr std::string_view wal_program = "/usr/local/bin/dugong-wal";
inline constexpr std::string_view boot_unit = "/etc/systemd/system/dugong-boot.service";
inline constexpr std::string_view node_config = "/etc/dugong/node.toml";
inline constexpr std::string_view former_node_config = "/etc/dugong/node.toml.before";
inline constexpr std::string_view tls = "/etc/dugong/tls";
// What the key's line in authorized_keys begins with.
inline constexpr std::string_view key_options = "command=\"/usr/local/bin/dugong serve\",restrict ";
}  // namespace installed

// What a HOST of the command line means: a node's name, or what ssh takes. Nodes that are reached in the same way are
// on the same host.
struct ChosenHost {
  std::string name;                // as it was given
  std::optional<std::string> ssh;  // absent: this machine
  std::vector<spec::Node> nodes;   // of the cluster file that are there; empty: none is known
};
// Errors: invalid (two HOSTs that are one).
Result<std::vector<ChosenHost>> choose_hosts(const spec::Spec* spec, const std::vector<std::string>& names);

// What node.toml has to allow for these nodes.
struct NodeRules {
  std::vector<std::string> prefixes;
  std::vector<std::string> directories;
  std::vector<std::string> projects;
  std::vector<std::string> bin_dirs;  // empty: the defaults will do
  std::vector<std::string> os_users;  // the same
  friend bool operator==(const NodeRules&, const NodeRules&) = default;
};
NodeRules rules_for(const spec::Spec& spec, const std::vector<spec::Node>& nodes);
std::string render_node_toml(const NodeRules& rules);
struct RuleEntry {
  std::string_view key;  // of node.toml
  std::string value;
  friend bool operator==(const RuleEntry&, const RuleEntry&) = default;
};
// What is wanted and not allowed by a node.toml that is there.
std::vector<RuleEntry> missing_in(const node::Policy& there, const NodeRules& wanted);
// What it allows and would not if it were replaced.
std::vector<RuleEntry> lost_from(const node::Policy& there, const NodeRules& wanted);

// "ssh-ed25519 AAAA… name", from the text of a .pub file. Errors: invalid.
Result<std::string> parse_public_key(std::string_view text);

struct InstallWanted {
  std::string machine;  // that the programs are for, as uname -m says it
  std::string version;  // "dugong 0.1.0"
  std::vector<node::FileToPut> programs;
  std::string key;  // empty: none
  bool replace_config = false;
  std::string cluster;    // empty: only programs and units
  NodeRules rules;        // of its nodes there
  std::string authority;  // the certificate, PEM; empty: it has yet to be made
  std::vector<spec::Node> nodes;
};

struct HostPlan {
  node::HostChange change;                   // without certificates
  std::vector<node::NodeName> certificates;  // to be issued and put
  std::vector<std::string> lines;            // what is done, in the operator's words
  std::vector<std::string> notes;            // what is left, and what is to be done by hand
  [[nodiscard]] bool empty() const { return lines.empty(); }
};

enum class Keys { not_needed, needed };
node::LookFor look_for(const std::string& cluster, const std::vector<spec::Node>& nodes, Keys keys);
// Where the certificate of a node is.
std::string certificate_path(const std::string& cluster, const std::string& node);
node::FileToPut file_to_put(std::string_view path, std::uint32_t mode, std::string content);

// Errors: refused (another kind of machine, something else in a file's place, a key that is there with other rights, or
// that cannot be added; an authority of the cluster there and none here).
Result<HostPlan> plan_install(const InstallWanted& wanted, const node::HostSeen& seen, std::int64_t now);
// Programs and units only. Errors: as above; refused too when there is no dugong to upgrade.
Result<HostPlan> plan_upgrade(const InstallWanted& wanted, const node::HostSeen& seen);
// Errors: refused while dugong is at work there, when it cannot be told whose it is, and when something else lies among
// the certificates.
Result<HostPlan> plan_removal(const std::string& cluster, const node::HostSeen& seen);

}  // namespace dugong::engine
