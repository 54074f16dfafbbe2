// Two nodes that share a dataset, a directory or a port would destroy each other, and a circle of followers has no
// primary: both can be seen in the file alone.
#include "spec/nodes.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"

namespace dugong::spec {
namespace {

enum class Role { unsaid, primary, replica };

struct Draft {
  Node node;
  Role role = Role::unsaid;
  Position name_at;
  Position address_at;
  Position ssh_at;
  Position prefix_at;
  Position directory_at;
  Position adopt_at;
  Position data_at;
  Position port_at;
  Position follows_at;
  Position role_at;
};
using Drafts = std::vector<Draft>;

Verdict check_role_word(std::string_view text) {
  if (text == "primary" || text == "replica") return {};
  return Complaint{"there is no such role", "write \"primary\" or \"replica\""};
}

Verdict no_check(std::string_view) { return {}; }

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

// The machine as far as the file tells: the host behind ssh's user; this machine has several names.
std::string host_of(const Node& node) {
  auto host = lower_case(node.ssh.value_or("localhost"));
  host = host.substr(host.rfind('@') + 1);
  return host == "127.0.0.1" || host == "::1" || host == "[::1]" ? "localhost" : host;
}
bool same_host(const Node& a, const Node& b) { return host_of(a) == host_of(b); }

// "tank/dex" holds "tank/dex/b"; both paths are normal.
bool overlap(std::string_view a, std::string_view b) {
  auto holds = [](std::string_view outer, std::string_view inner) {
    return inner.starts_with(outer) && (inner.size() == outer.size() || inner[outer.size()] == '/');
  };
  return holds(a, b) || holds(b, a);
}

// ZFS mounts a dataset at its own name unless it is told otherwise (zfsprops(7): mountpoint).
Result<> read_adoption(const Fields& fields, Node& node) {
  TRY(fields.text("adopt", check_dataset, node.adopt));
  if (node.adopt.empty())
    return fields.forbid("data", "says where an adopted PGDATA is, and nothing is adopted",
                         "leave it out, or write adopt = \"POOL/DATASET\"");
  node.data = "/" + node.adopt;
  TRY(fields.directory("data", node.data));
  if (overlap(node.adopt, node.prefix))
    return fields.refuse(fields.position("adopt"), fmt::format("adopt {} overlaps prefix {}", node.adopt, node.prefix),
                         "give the node a prefix beside it: what dugong makes of its own goes there");
  if (overlap(node.data, node.directory))
    return fields.refuse(fields.position("adopt"),
                         fmt::format("the adopted data in {} overlaps directory {}", node.data, node.directory),
                         "give the node another `directory`: compose file, secrets and archive go there");
  return {};
}

Result<Draft> read_node(const Context& context, const Value& table, const Spec& spec) {
  auto fields = TRY(Fields::open(
      context, table, "node",
      {"name", "address", "ssh", "prefix", "directory", "port", "follows", "role", "base_budget", "adopt", "data"}));
  TRY(fields.require("name", "write name = \"a\""));
  TRY(fields.require("address", "write the address that the other nodes connect to"));
  TRY(fields.require("prefix",
                     fmt::format("write the parent dataset, for example prefix = \"tank/{}\"", spec.cluster)));

  Draft draft;
  auto& node = draft.node;
  node.position = fields.position();
  TRY(fields.text("name", check_name, node.name));
  TRY(fields.text("address", check_address, node.address));
  TRY(fields.text("prefix", check_dataset, node.prefix));
  std::string ssh;
  TRY(fields.text("ssh", check_ssh, ssh));
  if (!ssh.empty()) node.ssh = ssh;
  node.directory = fmt::format("/srv/dugong/{}/{}", spec.cluster, node.name);
  TRY(fields.directory("directory", node.directory, check_node_directory));
  TRY(read_adoption(fields, node));
  node.port = spec.postgres.port;
  TRY(fields.port("port", node.port));
  TRY(fields.text("follows", no_check, node.follows));
  node.base_budget = spec.storage.base_budget;
  TRY(fields.budget("base_budget", node.base_budget));
  std::string role;
  TRY(fields.text("role", check_role_word, role));
  if (!role.empty()) draft.role = role == "primary" ? Role::primary : Role::replica;

  draft.name_at = fields.position("name");
  draft.address_at = fields.position("address");
  draft.ssh_at = fields.position("ssh");
  draft.prefix_at = fields.position("prefix");
  draft.directory_at = fields.position("directory");
  draft.adopt_at = fields.position("adopt");
  draft.data_at = fields.find("data") == nullptr ? draft.adopt_at : fields.position("data");
  draft.port_at = fields.position("port");
  draft.follows_at = fields.position("follows");
  draft.role_at = fields.position("role");
  if (draft.node.follows.empty() && fields.find("follows") != nullptr) {
    return fields.refuse(draft.follows_at, "node.follows is empty",
                         "name a node, or leave it out to follow the primary");
  }
  return draft;
}

std::string line_of(const Draft& draft) {
  return fmt::format("node {} in line {}", draft.node.name, draft.name_at.line);
}

Result<> check_adoptions(const Context& context, const Draft& first, const Draft& second) {
  const auto& a = first.node;
  const auto& b = second.node;
  const auto clash = [&](const Draft& adopting, const std::string& what, const Draft& other, const std::string& its) {
    return context.refuse(
        adopting.adopt_at,
        fmt::format("node {}: {} overlaps {} of {}, on the same host", adopting.node.name, what, its, line_of(other)),
        "give every node datasets and directories of its own");
  };
  if (!a.adopt.empty() && overlap(a.adopt, b.prefix))
    return clash(first, "adopt " + a.adopt, second, "prefix " + b.prefix);
  if (!b.adopt.empty() && overlap(b.adopt, a.prefix))
    return clash(second, "adopt " + b.adopt, first, "prefix " + a.prefix);
  if (!a.adopt.empty() && !b.adopt.empty() && overlap(a.adopt, b.adopt))
    return clash(second, "adopt " + b.adopt, first, "adopt " + a.adopt);
  if (!a.adopt.empty() && overlap(a.data, b.directory))
    return clash(first, "data " + a.data, second, "directory " + b.directory);
  if (!b.adopt.empty() && overlap(b.data, a.directory))
    return clash(second, "data " + b.data, first, "directory " + a.directory);
  return {};
}

Result<> check_pair(const Context& context, const Draft& first, const Draft& second) {
  const auto& a = first.node;
  const auto& b = second.node;
  if (a.name == b.name) {
    return context.refuse(second.name_at, fmt::format("two nodes are called {}", b.name),
                          "give one of them another name");
  }
  if (lower_case(a.address) == lower_case(b.address) && a.port == b.port) {
    return context.refuse(second.address_at,
                          fmt::format("node {} has the address and port of {}", b.name, line_of(first)),
                          "give it another address, or another port");
  }
  if (!same_host(a, b)) return {};
  if (overlap(a.prefix, b.prefix)) {
    return context.refuse(second.prefix_at,
                          fmt::format("node {}: prefix {} overlaps prefix {} of {}, on the same host", b.name, b.prefix,
                                      a.prefix, line_of(first)),
                          "give every node a parent dataset of its own");
  }
  if (overlap(a.directory, b.directory)) {
    return context.refuse(second.directory_at,
                          fmt::format("node {}: directory {} overlaps directory {} of {}, on the same host", b.name,
                                      b.directory, a.directory, line_of(first)),
                          "give every node a directory of its own");
  }
  TRY(check_adoptions(context, first, second));
  if (a.port == b.port) {
    return context.refuse(
        second.port_at,
        fmt::format("node {} would listen on port {} of the host of {}", b.name, b.port, line_of(first)),
        fmt::format("give it another port, for example port = {}", b.port == 65535 ? 5432 : b.port + 1));
  }
  return {};
}

Result<> check_pairs(const Context& context, const Drafts& drafts) {
  for (std::size_t j = 1; j < drafts.size(); ++j) {
    for (std::size_t i = 0; i < j; ++i) TRY(check_pair(context, drafts[i], drafts[j]));
  }
  return {};
}

// The node that says role = "primary", or else the first one.
Result<std::size_t> find_primary(const Context& context, const Drafts& drafts) {
  auto is_primary = [](const Draft& draft) { return draft.role == Role::primary; };
  auto said = std::ranges::find_if(drafts, is_primary);
  if (said == drafts.end()) {
    const auto& first = drafts.front();
    if (first.role == Role::replica) {
      return context.refuse(
          first.role_at, "no node starts as primary: the first one is a replica and no other says role = \"primary\"",
          "write role = \"primary\" in one node");
    }
    if (!first.node.follows.empty()) {
      return context.refuse(first.follows_at,
                            fmt::format("no node starts as primary: the first one, {}, follows {}", first.node.name,
                                        printable(first.node.follows)),
                            "leave its `follows` out, or write role = \"primary\" in another node");
    }
    return 0;
  }
  auto second = std::find_if(said + 1, drafts.end(), is_primary);
  if (second != drafts.end()) {
    return context.refuse(second->role_at,
                          fmt::format("two nodes start as primary: {} and {}", said->node.name, second->node.name),
                          "leave `role` out in all but one");
  }
  if (!said->node.follows.empty()) {
    return context.refuse(
        said->follows_at,
        fmt::format("node {} starts as primary and follows {}", said->node.name, printable(said->node.follows)),
        "leave out `follows` or `role`");
  }
  return static_cast<std::size_t>(said - drafts.begin());
}

const Draft* find_draft(const Drafts& drafts, std::string_view name) {
  auto it = std::ranges::find_if(drafts, [&](const Draft& draft) { return draft.node.name == name; });
  return it == drafts.end() ? nullptr : &*it;
}

Result<> check_upstream(const Context& context, const Drafts& drafts, const Draft& draft) {
  const auto& node = draft.node;
  if (node.follows.empty()) return {};
  if (node.follows == node.name) {
    return context.refuse(draft.follows_at, fmt::format("node {} follows itself", node.name), "name another node");
  }
  if (find_draft(drafts, node.follows) != nullptr) return {};
  std::vector<std::string_view> names;
  for (const auto& one : drafts) names.push_back(one.node.name);
  auto near = nearest(node.follows, names);
  return context.refuse(
      draft.follows_at,
      fmt::format("node {} follows \"{}\", and no node is called so", node.name, shorten(printable(node.follows), 80)),
      near.empty() ? fmt::format("nodes are: {}", join({names.begin(), names.end()}, ", "))
                   : fmt::format("did you mean {}?", near));
}

// Every node but the primary follows an existing one, so who does not reach the primary walks in a circle.
Result<> check_reaches_primary(const Context& context, const Drafts& drafts, const Draft& start) {
  std::vector<std::string> way{start.node.name};
  for (const auto* at = &start; !at->node.follows.empty();) {
    at = find_draft(drafts, at->node.follows);
    bool seen = std::ranges::find(way, at->node.name) != way.end();
    way.push_back(at->node.name);
    if (!seen) continue;
    return context.refuse(start.follows_at, fmt::format("following leads in a circle: {}", join(way, " → ")),
                          "let one of them follow the primary");
  }
  return {};
}

}  // namespace

Result<std::vector<Node>> read_nodes(const Context& context, const Value& root, const Spec& spec) {
  constexpr auto form = "write [[node]] with name, address and prefix, once for every node";
  const auto* entry = root.find("node");
  if (entry == nullptr) return context.refuse({1, 1}, "there is no node", form);
  if (entry->value.type != ValueType::array || entry->value.items.empty()) {
    return context.refuse(entry->value.at, "node must be an array of tables, and not an empty one", form);
  }
  Drafts drafts;
  for (const auto& item : entry->value.items) drafts.push_back(TRY(read_node(context, item, spec)));
  TRY(check_pairs(context, drafts));
  auto primary = TRY(find_primary(context, drafts));
  for (const auto& draft : drafts) TRY(check_upstream(context, drafts, draft));
  for (std::size_t i = 0; i < drafts.size(); ++i) {
    if (i != primary && drafts[i].node.follows.empty()) drafts[i].node.follows = drafts[primary].node.name;
  }
  for (const auto& draft : drafts) TRY(check_reaches_primary(context, drafts, draft));

  std::vector<Node> nodes;
  for (auto& draft : drafts) nodes.push_back(std::move(draft.node));
  return nodes;
}

}  // namespace dugong::spec
