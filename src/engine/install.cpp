#include "engine/install.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "base/text.h"

namespace dugong::engine {
namespace {

using node::InstalledFile;
using node::InstalledKind;

// systemd.unit(5): a oneshot that failed is started again only since systemd 244.
constexpr std::string_view boot_unit_text = R"([Unit]
Description=dugong: mounts and starts what this host holds of PostgreSQL clusters
After=zfs-import.target zfs-load-key.service zfs-mount.service zfs.target docker.service network-online.target
Wants=network-online.target
# Restarted with the engine, whose containers have no restart policy.
PartOf=docker.service
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/bin/dugong node start
Restart=on-failure
RestartSec=10
RestartPreventExitStatus=2 3

[Install]
WantedBy=multi-user.target docker.service
)";

tl::unexpected<Error> refuse(std::string what, std::string next) {
  return fail(Error{ErrorKind::refused, std::move(what), {}, "nothing was changed", std::move(next)});
}

InstalledFile state_of(const node::HostSeen& seen, std::string_view path) {
  const auto found = seen.files.find(std::string{path});
  return found == seen.files.end() ? InstalledFile{} : found->second;
}

bool is_below_any(const std::string& wanted, const std::vector<std::string>& there) {
  return std::ranges::any_of(
      there, [&](const std::string& one) { return wanted == one || one == "/" || wanted.starts_with(one + "/"); });
}

// A * at the end of a project stands for anything.
bool is_project_of(const std::string& wanted, const std::vector<std::string>& there) {
  return std::ranges::any_of(there, [&](const std::string& one) {
    return wanted == one || (one.ends_with('*') && wanted.starts_with(one.substr(0, one.size() - 1)));
  });
}

using Covers = bool (*)(const std::string&, const std::vector<std::string>&);
void tell_missing(std::vector<RuleEntry>& missing, std::string_view key, const std::vector<std::string>& wanted,
                  const std::vector<std::string>& there, Covers covers) {
  for (const auto& one : wanted)
    if (!covers(one, there)) missing.push_back({key, one});
}

std::string list_of(std::string_view key, const std::vector<std::string>& values) {
  if (values.empty()) return {};
  std::vector<std::string> quoted;
  for (const auto& value : values) quoted.push_back("\"" + value + "\"");
  return fmt::format("{} = [{}]\n", key, join(quoted, ", "));
}

void add_once(std::vector<std::string>& list, const std::string& value) {
  if (std::ranges::find(list, value) == list.end()) list.push_back(value);
}

// What tells a key from others: "ssh-ed25519 …Qx7ZkP2w controller".
std::string label_of(std::string_view key) {
  if (key.starts_with(installed::key_options)) key.remove_prefix(installed::key_options.size());
  const auto words = split(key, ' ');
  constexpr std::size_t shown = 8;
  if (words.size() < 2 || words[1].size() < shown) return std::string{key};
  const auto rest = key.substr(static_cast<std::size_t>(words[1].data() - key.data()) + words[1].size());
  return fmt::format("{} …{}{}", words[0], words[1].substr(words[1].size() - shown), rest);
}

bool is_base64(std::string_view text) {
  return text.size() >= 40 &&
         text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") ==
             std::string_view::npos;
}

}  // namespace

Result<std::vector<ChosenHost>> choose_hosts(const spec::Spec* spec, const std::vector<std::string>& names) {
  std::vector<ChosenHost> hosts;
  for (const auto& name : names) {
    ChosenHost host{name, name, {}};
    const auto* node = spec == nullptr ? nullptr : spec->find(name);
    if (node != nullptr) host.ssh = node->ssh;
    if (spec != nullptr)
      for (const auto& one : spec->nodes)
        if (one.ssh == host.ssh) host.nodes.push_back(one);
    for (const auto& other : hosts)
      if (other.ssh == host.ssh)
        return fail(Error{ErrorKind::invalid,
                          fmt::format("{} and {} are one host", other.name, name),
                          {},
                          "nothing was changed",
                          "name it once: all nodes of the file that are there are meant"});
    hosts.push_back(std::move(host));
  }
  return hosts;
}

NodeRules rules_for(const spec::Spec& spec, const std::vector<spec::Node>& nodes) {
  NodeRules rules;
  for (const auto& node : nodes) {
    add_once(rules.prefixes, node.prefix);
    add_once(rules.directories, node.directory);
    if (!node.adopt.empty()) {
      add_once(rules.prefixes, node.adopt);
      add_once(rules.directories, node.data);
    }
    if (!spec.postgres.logs.empty()) add_once(rules.directories, spec.postgres.logs);
    add_once(rules.projects, fmt::format("dugong-{}-{}", spec.cluster, node.name));
  }
  if (spec.postgres.runtime == spec::RuntimeKind::process) {
    rules.bin_dirs = {spec.postgres.bin_dir};
    rules.os_users = {spec.postgres.os_user};
  }
  return rules;
}

std::string render_node_toml(const NodeRules& rules) {
  return "# What a controller may touch on this host, whoever it is: docs/node.md. Put here by `dugong node install`, "
         "which\n"
         "# never overwrites it: what a further cluster needs is added by hand. It belongs to root (0644).\n" +
         list_of("prefixes", rules.prefixes) + list_of("directories", rules.directories) +
         list_of("projects", rules.projects) + list_of("bin_dirs", rules.bin_dirs) +
         list_of("os_users", rules.os_users);
}

std::vector<RuleEntry> missing_in(const node::Policy& there, const NodeRules& wanted) {
  std::vector<RuleEntry> missing;
  if (there.prefixes) tell_missing(missing, "prefixes", wanted.prefixes, *there.prefixes, is_below_any);
  if (there.directories) tell_missing(missing, "directories", wanted.directories, *there.directories, is_below_any);
  tell_missing(missing, "projects", wanted.projects, there.projects, is_project_of);
  tell_missing(missing, "bin_dirs", wanted.bin_dirs, there.bin_dirs, is_below_any);
  tell_missing(missing, "os_users", wanted.os_users, there.os_users, is_project_of);
  return missing;
}

std::vector<RuleEntry> lost_from(const node::Policy& there, const NodeRules& wanted) {
  std::vector<RuleEntry> lost;
  const std::vector<std::string> none;
  tell_missing(lost, "prefixes", there.prefixes ? *there.prefixes : none, wanted.prefixes, is_below_any);
  tell_missing(lost, "directories", there.directories ? *there.directories : none, wanted.directories, is_below_any);
  tell_missing(lost, "projects", there.projects, wanted.projects, is_project_of);
  return lost;
}

Result<std::string> parse_public_key(std::string_view text) {
  const auto invalid = [](std::string what) {
    return fail(Error{ErrorKind::invalid, std::move(what), "--key", "nothing was changed",
                      "name the .pub file of a key: one line, \"ssh-ed25519 AAAA… comment\""});
  };
  if (text.find("PRIVATE KEY") != std::string_view::npos) return invalid("this is a private key: it stays where it is");
  const auto line = std::string{trim(text)};
  if (line.find('\n') != std::string::npos) return invalid("this is more than one line");
  auto words = split(line, ' ');
  const bool known =
      words.front().starts_with("ssh-") || words.front().starts_with("ecdsa-sha2-") || words.front().starts_with("sk-");
  if (words.size() < 2 || !known || !is_base64(words[1])) return invalid("this is no public key");
  if (std::ranges::any_of(line, [](char c) { return c < ' ' || c > '~'; }))
    return invalid("the comment of this key has other characters than ASCII's");
  return line;
}

std::string certificate_path(const std::string& cluster, const std::string& node) {
  return fmt::format("{}/{}/{}.pem", installed::tls, cluster, node);
}

namespace {

std::string authority_path(const std::string& cluster) { return fmt::format("{}/{}/ca.crt", installed::tls, cluster); }

}  // namespace

node::FileToPut file_to_put(std::string_view path, std::uint32_t mode, std::string content) {
  node::FileToPut file;
  file.path = path;
  file.mode = mode;
  file.sha256 = node::sha256_hex(content);
  file.content = std::make_shared<const std::string>(std::move(content));
  return file;
}

node::LookFor look_for(const std::string& cluster, const std::vector<spec::Node>& nodes, Keys keys) {
  node::LookFor look;
  look.keys = keys == Keys::needed;
  for (const auto path : {installed::program, installed::former_program, installed::wal_program, installed::boot_unit})
    look.files.emplace_back(path);
  look.texts.emplace_back(installed::node_config);
  look.directories.emplace_back(installed::tls);
  look.program = installed::program;
  if (cluster.empty()) return look;
  look.directories.push_back(fmt::format("{}/{}", installed::tls, cluster));
  look.files.push_back(authority_path(cluster));
  for (const auto& node : nodes) look.certificates.push_back(certificate_path(cluster, node.name));
  return look;
}

namespace {

class Planner {
 public:
  Planner(const InstallWanted& wanted, const node::HostSeen& seen) : wanted_{wanted}, seen_{seen} {}

  Result<> require_machine() const {
    if (wanted_.machine == seen_.identity.machine) return {};
    return refuse(fmt::format("that host is a {} machine, and this dugong is built for {}",
                              printable(seen_.identity.machine), wanted_.machine),
                  "build dugong on a machine of that kind (script/build), and install from there");
  }

  Result<> programs() {
    for (auto put : wanted_.programs) {
      const bool is_dugong = put.path == installed::program;
      auto text = fmt::format("put {} ({}, {})", put.path, wanted_.version, human_bytes(put.content->size()));
      const auto there = state_of(seen_, put.path);
      if (is_dugong && there.kind == InstalledKind::file && there.sha256 != put.sha256) {
        put.keep_as = installed::former_program;
        const auto former =
            seen_.program_version.empty() ? std::string{"one that does not run"} : seen_.program_version;
        text = fmt::format("replace {}: {} by {}; the former stays as {}", put.path, former,
                           former == wanted_.version ? "another build of it" : wanted_.version, put.keep_as);
      }
      TRY(put_if_needed(std::move(put), std::move(text)));
    }
    return {};
  }

  enum class BootStart { as_it_is, enabled };
  Result<> units(BootStart start) {
    TRY(put_if_needed(file_to_put(installed::boot_unit, 0644, std::string{boot_unit_text}),
                      fmt::format("put {}: `dugong node start` at boot", installed::boot_unit)));
    const bool put = !plan.change.puts.empty() && plan.change.puts.back().path == installed::boot_unit;
    if (!seen_.identity.systemd) {
      plan.notes.emplace_back("systemd does not run there: nothing will call `dugong node start` at boot");
      return {};
    }
    if (put) plan.change.boot = node::HostChange::Boot::reload;
    if (start == BootStart::as_it_is || seen_.identity.boot_enabled) return {};
    plan.change.boot = node::HostChange::Boot::enable;
    plan.lines.emplace_back("enable dugong-boot.service");
    return {};
  }

  Result<> config() {
    const auto there = state_of(seen_, installed::node_config);
    auto wanted = file_to_put(installed::node_config, 0644, render_node_toml(wanted_.rules));
    if (there.kind != InstalledKind::file) return put_if_needed(wanted, config_line("put", wanted_.rules));
    if (there.sha256 == wanted.sha256) return {};
    const auto text = seen_.texts.find(std::string{installed::node_config});
    const auto policy =
        node::parse_policy(text == seen_.texts.end() ? "" : text->second, std::string{installed::node_config});
    if (wanted_.replace_config) {
      wanted.keep_as = installed::former_node_config;
      if (policy)
        for (const auto& [key, value] : lost_from(*policy, wanted_.rules))
          plan.notes.push_back(fmt::format("{} will no longer have \"{}\" in {}", installed::node_config, value, key));
      return put_if_needed(wanted, config_line("replace", wanted_.rules) +
                                       fmt::format("; the former stays as {}", installed::former_node_config));
    }
    if (!policy) {
      plan.notes.push_back(fmt::format("{} there is not valid, and `dugong serve` will refuse it: {} ({})",
                                       installed::node_config, policy.error().what, policy.error().where));
      return {};
    }
    for (const auto& [key, value] : missing_in(*policy, wanted_.rules))
      plan.notes.push_back(fmt::format("{} is left as it is; by hand: add \"{}\" to {}{}", installed::node_config,
                                       value, key, if_unlisted(key, *policy)));
    return {};
  }

  Result<> key() {
    if (wanted_.key.empty()) return {};
    const auto line = std::string{installed::key_options} + wanted_.key;
    if (!seen_.keys_unread.empty())
      return refuse(fmt::format("the key cannot be added: {}", seen_.keys_unread),
                    fmt::format("run this without --key, and add this line there by hand: {}", line));
    const auto words = split(wanted_.key, ' ');
    for (const auto one : lines(seen_.authorized_keys)) {
      if (trim(one).starts_with('#') || one.find(words[1]) == std::string_view::npos) continue;
      if (one.starts_with(installed::key_options)) return {};
      return refuse(fmt::format("this key is in authorized_keys of {} already, with other rights", seen_.login),
                    "take another key for `serve`, or remove that line first");
    }
    plan.change.keys_to_add.push_back(line);
    plan.lines.push_back(
        fmt::format("add to ~{}/.ssh/authorized_keys, for `serve` alone: {}", seen_.login, label_of(line)));
    return {};
  }

  Result<> certificates(std::int64_t now) {
    if (wanted_.authority.empty()) {
      TRY(require_no_authority());
      plan.lines.push_back(fmt::format("put {}", authority_path(wanted_.cluster)));
    } else {
      TRY(put_if_needed(file_to_put(authority_path(wanted_.cluster), 0644, wanted_.authority),
                        fmt::format("put {}", authority_path(wanted_.cluster))));
    }
    for (const auto& node : wanted_.nodes) {
      const auto path = certificate_path(wanted_.cluster, node.name);
      const node::NodeName name{wanted_.cluster, node.name, node.address};
      const auto there = state_of(seen_, path);
      if (there.kind == InstalledKind::other) return something_else(path);
      const auto pem = seen_.certificates.find(path);
      auto why = node::why_issue(pem == seen_.certificates.end() ? "" : pem->second, wanted_.authority, name, now);
      if (!why && (there.mode != 0600 || there.uid != 0)) why = "others may read its key";
      if (!why) continue;
      plan.certificates.push_back(name);
      const auto verb = there.kind == InstalledKind::file ? "replace" : "put";
      plan.lines.push_back(fmt::format("{} {}: a key and a certificate for {} ({})", verb, path, node.address, *why));
    }
    return {};
  }

  HostPlan plan;

 private:
  static std::string config_line(std::string_view verb, const NodeRules& rules) {
    return fmt::format("{} {}: prefixes {}; directories {}", verb, installed::node_config, join(rules.prefixes, ", "),
                       join(rules.directories, ", "));
  }
  static tl::unexpected<Error> something_else(std::string_view path) {
    return refuse(fmt::format("{} there is a link or a directory, and not a file", path), "move it away there");
  }
  // The hosts of a cluster trust one authority: a second one here would cut this host off from the others.
  Result<> require_no_authority() const {
    const auto path = authority_path(wanted_.cluster);
    const auto there = state_of(seen_, path);
    if (there.kind == InstalledKind::missing) return {};
    if (there.kind == InstalledKind::other) return something_else(path);
    return refuse(fmt::format("that host has an authority of {} ({}), and its key is not here", wanted_.cluster, path),
                  fmt::format("copy {0}-ca.pem here from where it was made (--ca-dir names its directory), or move "
                              "{1}/{0} there away to begin anew",
                              wanted_.cluster, installed::tls));
  }
  Result<> put_if_needed(node::FileToPut put, std::string line) {
    const auto there = state_of(seen_, put.path);
    if (there.kind == InstalledKind::other) return something_else(put.path);
    const bool same = there.kind == InstalledKind::file && there.sha256 == put.sha256;
    if (same && there.mode == put.mode && there.uid == 0) return {};
    if (same) line = fmt::format("put {} anew: it was not root's with mode {:o}", put.path, put.mode);
    if (same) put.keep_as.clear();
    put.is_new = there.kind == InstalledKind::missing;
    if (constexpr std::string_view puts = "put "; there.kind == InstalledKind::file && !same && line.starts_with(puts))
      line.replace(0, puts.size(), "replace ");
    plan.change.puts.push_back(std::move(put));
    plan.lines.push_back(std::move(line));
    return {};
  }

  const InstallWanted& wanted_;
  const node::HostSeen& seen_;
};

}  // namespace

Result<HostPlan> plan_install(const InstallWanted& wanted, const node::HostSeen& seen, std::int64_t now) {
  Planner planner{wanted, seen};
  TRY(planner.require_machine());
  TRY(planner.programs());
  TRY(planner.units(Planner::BootStart::enabled));
  if (!wanted.cluster.empty()) {
    TRY(planner.config());
    TRY(planner.certificates(now));
  }
  TRY(planner.key());
  return std::move(planner.plan);
}

Result<HostPlan> plan_upgrade(const InstallWanted& wanted, const node::HostSeen& seen) {
  Planner planner{wanted, seen};
  TRY(planner.require_machine());
  if (state_of(seen, installed::program).kind != InstalledKind::file)
    return refuse(fmt::format("there is no {} on that host", installed::program),
                  "`dugong node install` puts it there");
  TRY(planner.programs());
  TRY(planner.units(Planner::BootStart::as_it_is));
  return std::move(planner.plan);
}

namespace {

void delete_if_there(HostPlan& plan, const node::HostSeen& seen, std::string_view path) {
  if (state_of(seen, path).kind != InstalledKind::file) return;
  plan.change.deletes.emplace_back(path);
  plan.lines.push_back(fmt::format("remove {}", path));
}

void remove_programs(HostPlan& plan, const node::HostSeen& seen) {
  if (seen.identity.systemd && state_of(seen, installed::boot_unit).kind == InstalledKind::file) {
    plan.change.boot = node::HostChange::Boot::disable;
    plan.lines.emplace_back("disable dugong-boot.service");
  }
  for (const auto path : {installed::boot_unit, installed::program, installed::former_program, installed::wal_program})
    delete_if_there(plan, seen, path);
  if (!seen.keys_unread.empty())
    plan.notes.push_back(fmt::format("remove the `dugong serve` line by hand: {}", seen.keys_unread));
  for (const auto line : lines(seen.authorized_keys)) {
    if (!line.starts_with(installed::key_options)) continue;
    plan.change.keys_to_drop.emplace_back(line);
    plan.lines.push_back(fmt::format("remove from ~{}/.ssh/authorized_keys: {}", seen.login, label_of(line)));
  }
}

void remove_certificates(HostPlan& plan, const node::HostSeen& seen, const std::string& cluster) {
  const auto directory = fmt::format("{}/{}", installed::tls, cluster);
  const auto found = seen.directories.find(directory);
  if (cluster.empty() || found == seen.directories.end() || found->second.empty()) return;
  for (const auto& name : found->second) plan.change.deletes.push_back(directory + "/" + name);
  plan.change.directories.push_back(directory);
  plan.lines.push_back(fmt::format("remove {}: {}", directory, join(found->second, ", ")));
}

// A name that could not be asked for there would end the removal in its middle.
Result<> require_plain_names(const node::HostSeen& seen, const std::string& cluster) {
  const auto directory = fmt::format("{}/{}", installed::tls, cluster);
  const auto found = seen.directories.find(directory);
  if (cluster.empty() || found == seen.directories.end()) return {};
  std::vector<std::string> strange;
  for (const auto& name : found->second)
    if (!node::check_install_path(directory + "/" + name)) strange.push_back(directory + "/" + printable(name));
  if (strange.empty()) return {};
  return refuse(fmt::format("dugong did not put all that is in {} there", directory),
                "move it away there: " + join(strange, ", "));
}

}  // namespace

Result<HostPlan> plan_removal(const std::string& cluster, const node::HostSeen& seen) {
  if (!seen.running.empty())
    return refuse("dugong is at work there: " + join(seen.running, "; "),
                  "wait until it has ended, then run this again");
  std::vector<std::string> others;
  if (const auto found = seen.directories.find(std::string{installed::tls}); found != seen.directories.end())
    for (const auto& name : found->second)
      if (name != cluster) others.push_back(name);
  if (cluster.empty() && !others.empty())
    return refuse(fmt::format("that host belongs to clusters: {}", join(others, ", ")),
                  "run this with a file that still has its [[node]] (--file); was that deleted: put it back, remove, "
                  "then delete it");
  TRY(require_plain_names(seen, cluster));
  HostPlan plan;
  remove_certificates(plan, seen, cluster);
  if (others.empty()) {
    if (!plan.change.directories.empty()) plan.change.directories.emplace_back(installed::tls);
    remove_programs(plan, seen);
  } else {
    plan.notes.push_back(
        fmt::format("dugong itself stays: {} {} there too", join(others, ", "), others.size() == 1 ? "is" : "are"));
  }
  if (state_of(seen, installed::node_config).kind == InstalledKind::file)
    plan.notes.push_back(fmt::format("{} stays", installed::node_config));
  plan.notes.emplace_back("datasets, directories and servers are left alone");
  return plan;
}

}  // namespace dugong::engine
