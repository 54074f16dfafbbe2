#include "engine/install.h"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/text.h"

namespace dugong::engine {
namespace {

using node::InstalledFile;
using node::InstalledKind;

constexpr std::int64_t now = 1'800'000'000;
const node::Authority authority = node::make_authority("dex", now).value();

spec::Node node_at(const std::string& name, std::optional<std::string> ssh, const std::string& prefix = "tank/dex") {
  spec::Node node;
  node.name = name;
  node.address = "10.0.0.1" + std::to_string(name.front() - 'a');
  node.ssh = std::move(ssh);
  node.prefix = prefix + "/" + name;
  node.directory = "/srv/dugong/dex/" + name;
  return node;
}

spec::Spec cluster() {
  spec::Spec spec;
  spec.cluster = "dex";
  spec.nodes = {node_at("a", "root@h1"), node_at("b", "root@h2"), node_at("c", "root@h2"), node_at("d", std::nullopt)};
  return spec;
}

InstallWanted wanted_for(const std::vector<spec::Node>& nodes) {
  InstallWanted wanted;
  wanted.machine = "x86_64";
  wanted.version = "dugong 0.2.0";
  wanted.programs = {file_to_put(installed::wal_program, 0755, "wal"), file_to_put(installed::program, 0755, "dugong")};
  wanted.cluster = "dex";
  wanted.nodes = nodes;
  wanted.rules = rules_for(cluster(), nodes);
  wanted.authority = authority.certificate;
  return wanted;
}

node::HostSeen bare() {
  node::HostSeen seen;
  seen.identity.machine = "x86_64";
  seen.identity.systemd = true;
  seen.login = "root";
  return seen;
}

std::string certificate_of(const Secret& pem) { return pem.reveal().substr(pem.reveal().find("-----BEGIN CERT")); }

// As a look would show it afterwards.
node::HostSeen after(node::HostSeen seen, const HostPlan& plan) {
  for (const auto& put : plan.change.puts) {
    const auto former = seen.files.find(put.path);
    if (!put.keep_as.empty() && former != seen.files.end()) seen.files[put.keep_as] = former->second;
    seen.files[put.path] = InstalledFile{InstalledKind::file, put.mode, 0, put.sha256};
    if (put.path == installed::node_config) seen.texts[put.path] = *put.content;
    if (put.path == installed::program) seen.program_version = "dugong 0.2.0";
  }
  for (const auto& name : plan.certificates) {
    const auto path = certificate_path(name.cluster, name.node);
    seen.files[path] = InstalledFile{InstalledKind::file, 0600, 0, std::string(64, 'c')};
    seen.certificates[path] = certificate_of(node::issue(authority, name, now).value());
  }
  for (const auto& line : plan.change.keys_to_add) seen.authorized_keys += line + "\n";
  if (plan.change.boot == node::HostChange::Boot::enable) seen.identity.boot_enabled = true;
  seen.directories[std::string{installed::tls}] = {"dex"};
  seen.directories[std::string{installed::tls} + "/dex"] = {"a.pem", "ca.crt"};
  return seen;
}

std::string told(const Result<HostPlan>& plan) {
  if (!plan) return "refused: " + plan.error().what + " → " + plan.error().next;
  return join(plan->lines, "\n") + (plan->notes.empty() ? "" : "\nnote: " + join(plan->notes, "\nnote: "));
}
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(ChooseHosts, ANameMeansAllNodesThatAreReachedTheSameWay) {
  const auto spec = cluster();
  const auto hosts = choose_hosts(&spec, {"a", "root@h2", "d", "ops@elsewhere"}).value();
  ASSERT_EQ(hosts.size(), 4U);
  EXPECT_EQ(hosts[0].ssh, "root@h1");
  EXPECT_EQ(hosts[0].nodes.size(), 1U);
  EXPECT_EQ(hosts[1].nodes.size(), 2U);
  EXPECT_EQ(hosts[2].ssh, std::nullopt);
  EXPECT_EQ(hosts[2].nodes.front().name, "d");
  EXPECT_EQ(hosts[3].ssh, "ops@elsewhere");
  EXPECT_TRUE(hosts[3].nodes.empty());
  EXPECT_EQ(choose_hosts(&spec, {"b", "c"}).error().what, "b and c are one host");
  EXPECT_EQ(choose_hosts(nullptr, {"b"}).value().front().ssh, "b");
}

TEST(NodeRules, AreThoseOfAllNodesOnTheHost) {
  auto spec = cluster();
  spec.postgres.logs = "/srv/logs";
  const auto rules = rules_for(spec, {spec.nodes[1], spec.nodes[2]});
  EXPECT_EQ(rules.prefixes, (std::vector<std::string>{"tank/dex/b", "tank/dex/c"}));
  EXPECT_EQ(rules.directories, (std::vector<std::string>{"/srv/dugong/dex/b", "/srv/logs", "/srv/dugong/dex/c"}));
  EXPECT_EQ(rules.projects, (std::vector<std::string>{"dugong-dex-b", "dugong-dex-c"}));
  EXPECT_TRUE(rules.bin_dirs.empty());
  spec.postgres.runtime = spec::RuntimeKind::process;
  spec.postgres.bin_dir = "/usr/lib/postgresql/17/bin";
  EXPECT_EQ(rules_for(spec, {spec.nodes[1]}).bin_dirs, (std::vector<std::string>{"/usr/lib/postgresql/17/bin"}));
}

TEST(NodeRules, AllowWhatIsAdopted) {
  auto spec = cluster();
  spec.nodes[0].adopt = "zpool/data";
  spec.nodes[0].data = "/srv/pg/data";
  const auto rules = rules_for(spec, {spec.nodes[0]});
  EXPECT_NE(std::ranges::find(rules.prefixes, "zpool/data"), rules.prefixes.end());
  EXPECT_NE(std::ranges::find(rules.directories, "/srv/pg/data"), rules.directories.end());
}

TEST(NodeRules, WhatIsRenderedAllowsWhatIsWanted) {
  auto spec = cluster();
  for (const auto kind : {spec::RuntimeKind::compose, spec::RuntimeKind::process}) {
    spec.postgres.runtime = kind;
    spec.postgres.bin_dir = "/opt/pg/bin";
    const auto rules = rules_for(spec, spec.nodes);
    const auto policy = node::parse_policy(render_node_toml(rules), "node.toml");
    ASSERT_TRUE(policy) << policy.error().what;
    EXPECT_EQ(*policy->prefixes, rules.prefixes);
    EXPECT_TRUE(missing_in(*policy, rules).empty());
  }
}

TEST(NodeRules, WhatIsMissingIsToldAndWhatIsCoveredIsNot) {
  const auto rules = rules_for(cluster(), {cluster().nodes[1]});
  const auto missing = [&](const std::string& toml) {
    std::string text;
    for (const auto& [key, value] : missing_in(node::parse_policy(toml, "f").value(), rules))
      text += fmt::format("{} {}; ", key, value);
    return text;
  };
  EXPECT_EQ(missing(""), "");
  EXPECT_EQ(missing("prefixes = [\"tank\"]\ndirectories = [\"/srv\"]\nprojects = [\"dugong-dex-*\"]"), "");
  EXPECT_EQ(missing("prefixes = [\"tank/de\"]"), "prefixes tank/dex/b; ");
  EXPECT_EQ(missing("directories = [\"/srv/dugong/dex/bb\"]\nprojects = []"),
            "directories /srv/dugong/dex/b; projects dugong-dex-b; ");
}
TEST(NodeRules, WhatAReplacementWouldTakeAwayIsKnown) {
  const auto rules = rules_for(cluster(), {cluster().nodes[1]});
  const auto there = node::parse_policy(
      "prefixes = [\"tank/sky\", \"tank/dex/b\"]\ndirectories = [\"/srv\"]\nprojects = [\"dugong-dex-b\"]", "f");
  EXPECT_EQ(lost_from(*there, rules), (std::vector<RuleEntry>{{"prefixes", "tank/sky"}, {"directories", "/srv"}}));
}

TEST(PublicKey, OneLineOfOneKey) {
  const std::string blob(68, 'A');
  EXPECT_EQ(parse_public_key("ssh-ed25519 " + blob + " me@here\n").value(), "ssh-ed25519 " + blob + " me@here");
  EXPECT_TRUE(parse_public_key("sk-ssh-ed25519@openssh.com " + blob));
  for (const auto& text : {std::string{}, std::string{"ssh-ed25519"}, "ssh-ed25519 " + blob + "\nssh-rsa " + blob,
                           "command=\"x\" ssh-rsa " + blob, "ssh-ed25519 " + blob + " \xc3\xa9",
                           std::string{"ssh-ed25519 AAAA$(x)"}, "-----BEGIN OPENSSH PRIVATE KEY-----\n" + blob})
    EXPECT_FALSE(parse_public_key(text)) << text;
}

TEST(PlanInstall, OnABareHostEverythingAndAfterwardsNothing) {
  auto wanted = wanted_for({cluster().nodes[0]});
  wanted.key = "ssh-ed25519 " + std::string(68, 'A') + " controller";
  const auto plan = plan_install(wanted, bare(), now);
  const auto text = told(plan);
  for (const auto* part : {"put /usr/local/bin/dugong (dugong 0.2.0, 6 B)", "put /usr/local/bin/dugong-wal",
                           "put /etc/systemd/system/dugong-boot.service", "enable dugong-boot.service",
                           "put /etc/dugong/node.toml: prefixes tank/dex/a; directories /srv/dugong/dex/a",
                           "put /etc/dugong/tls/dex/ca.crt", "put /etc/dugong/tls/dex/a.pem: a key and a certificate",
                           "add to ~root/.ssh/authorized_keys, for `serve` alone: ssh-ed25519 …AAAAAAAA controller"})
    EXPECT_TRUE(has(text, part)) << part << "\n" << text;
  for (const auto& put : plan->change.puts) EXPECT_TRUE(put.is_new) << put.path;
  const auto again = plan_install(wanted, after(bare(), *plan), now);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->empty()) << told(again);
  EXPECT_TRUE(again->change.puts.empty() && again->certificates.empty() && again->change.keys_to_add.empty());
  EXPECT_EQ(again->change.boot, node::HostChange::Boot::as_it_is);
}

TEST(PlanInstall, EveryPrefixOfAnInstallationIsFinishedByTheNext) {
  const auto wanted = wanted_for({cluster().nodes[0]});
  const auto plan = plan_install(wanted, bare(), now).value();
  for (std::size_t done = 0; done < plan.change.puts.size(); ++done) {
    auto cut = plan;
    cut.change.puts.resize(done);
    cut.certificates.clear();
    cut.change.boot = node::HostChange::Boot::as_it_is;
    const auto seen = after(bare(), cut);
    const auto rest = plan_install(wanted, seen, now).value();
    EXPECT_EQ(rest.change.puts.size(), plan.change.puts.size() - done);
    EXPECT_TRUE(plan_install(wanted, after(seen, rest), now)->empty());
  }
}

TEST(PlanInstall, WithoutAClusterOnlyProgramsAndUnits) {
  auto wanted = wanted_for({});
  wanted.cluster.clear();
  const auto text = told(plan_install(wanted, bare(), now));
  EXPECT_TRUE(has(text, "dugong-wal")) << text;
  EXPECT_FALSE(has(text, "node.toml")) << text;
  EXPECT_FALSE(has(text, "tls")) << text;
}

TEST(PlanInstall, AnotherKindOfMachineIsRefused) {
  auto seen = bare();
  seen.identity.machine = "aarch64";
  EXPECT_TRUE(has(told(plan_install(wanted_for({}), seen, now)),
                  "refused: that host is a aarch64 machine, and this dugong is built for x86_64"));
}

TEST(PlanInstall, WithoutSystemdTheUnitIsPutAndThatIsSaid) {
  auto seen = bare();
  seen.identity.systemd = false;
  const auto plan = plan_install(wanted_for({}), seen, now);
  EXPECT_TRUE(has(told(plan), "put /etc/systemd/system/dugong-boot.service")) << told(plan);
  EXPECT_TRUE(has(told(plan), "note: systemd does not run there")) << told(plan);
  EXPECT_EQ(plan->change.boot, node::HostChange::Boot::as_it_is);
}

TEST(PlanInstall, AnExistingConfigurationIsLeftAndWhatItLacksIsSaid) {
  auto wanted = wanted_for({cluster().nodes[0]});
  auto seen = bare();
  const std::string path{installed::node_config};
  seen.files[path] = {InstalledKind::file, 0644, 0, std::string(64, 'x')};
  seen.texts[path] = "prefixes = [\"other\"]\n";
  const auto plan = plan_install(wanted, seen, now);
  EXPECT_TRUE(has(told(plan), "is left as it is; by hand: add \"tank/dex/a\" to prefixes")) << told(plan);
  for (const auto& put : plan->change.puts) EXPECT_NE(put.path, path);
  seen.texts[path] = "directories = [\"/srv\"]\n";
  wanted.rules.bin_dirs = {"/data/pg/bin"};
  EXPECT_TRUE(
      has(told(plan_install(wanted, seen, now)), "bin_dirs is not in /etc/dugong/node.toml: a list there replaces"));
  seen.texts[path] = "prefixes = [\"other\"]\n";
  wanted.replace_config = true;
  EXPECT_TRUE(has(told(plan_install(wanted, seen, now)), "will no longer have \"other\" in prefixes"));
  wanted.replace_config = false;
  seen.texts[path] = "prefixes = [";
  EXPECT_TRUE(has(told(plan_install(wanted, seen, now)), "is not valid, and `dugong serve` will refuse it"));
  wanted.replace_config = true;
  const auto forced = plan_install(wanted, seen, now);
  EXPECT_TRUE(has(told(forced), "replace /etc/dugong/node.toml: ")) << told(forced);
  EXPECT_TRUE(has(told(forced), "the former stays as /etc/dugong/node.toml.before")) << told(forced);
  EXPECT_EQ(std::ranges::count_if(forced->change.puts,
                                  [](const auto& put) { return put.keep_as == installed::former_node_config; }),
            1);
}

TEST(PlanInstall, AKeyThatIsThereWithOtherRightsIsRefused) {
  auto wanted = wanted_for({});
  const std::string blob(68, 'A');
  wanted.key = "ssh-ed25519 " + blob + " controller";
  auto seen = bare();
  seen.authorized_keys = "# ssh-ed25519 " + blob + "\nssh-ed25519 " + std::string(68, 'B') + "\n";
  EXPECT_TRUE(has(told(plan_install(wanted, seen, now)), "add to ~root"));
  seen.authorized_keys += "ssh-ed25519 " + blob + " other name\n";
  EXPECT_TRUE(
      has(told(plan_install(wanted, seen, now)), "this key is in authorized_keys of root already, with other rights"));
}

TEST(PlanInstall, KeysThatCannotBeReadStandInTheWayOfAKeyOnly) {
  auto wanted = wanted_for({});
  auto seen = bare();
  seen.keys_unread = "/root/.ssh/authorized_keys is reached through a symbolic link";
  EXPECT_TRUE(plan_install(wanted, seen, now));
  wanted.key = "ssh-ed25519 " + std::string(68, 'A') + " controller";
  const auto text = told(plan_install(wanted, seen, now));
  EXPECT_TRUE(
      has(text, "through a symbolic link → run this without --key, and add this line there by hand: command=\""))
      << text;
  EXPECT_TRUE(text.ends_with(wanted.key)) << text;
  EXPECT_TRUE(look_for("", {}, Keys::needed).keys);
  EXPECT_FALSE(look_for("", {}, Keys::not_needed).keys);
}

TEST(PlanInstall, ASecondAuthorityOfAClusterIsNotMade) {
  auto wanted = wanted_for({cluster().nodes[0]});
  auto seen = after(bare(), plan_install(wanted, bare(), now).value());
  wanted.authority.clear();
  EXPECT_TRUE(plan_install(wanted, bare(), now));
  const auto text = told(plan_install(wanted, seen, now));
  EXPECT_TRUE(has(text, "refused: that host has an authority of dex (/etc/dugong/tls/dex/ca.crt)")) << text;
  EXPECT_TRUE(has(text, "copy dex-ca.pem here")) << text;
  EXPECT_TRUE(has(text, "move /etc/dugong/tls/dex there away")) << text;
  seen.files["/etc/dugong/tls/dex/ca.crt"] = {InstalledKind::other, 0, 0, {}};
  EXPECT_TRUE(has(told(plan_install(wanted, seen, now)), "and not a file"));
}

TEST(PlanInstall, WhatIsReplacedIsCalledSo) {
  const auto wanted = wanted_for({cluster().nodes[0]});
  auto seen = after(bare(), plan_install(wanted, bare(), now).value());
  for (auto& [path, file] : seen.files) file.sha256 = std::string(64, 'x');
  for (auto& [path, pem] : seen.certificates) pem.clear();
  const auto text = told(plan_install(wanted, seen, now));
  for (const auto* path : {"/usr/local/bin/dugong-wal", "/etc/systemd/system/dugong-boot.service",
                           "/etc/dugong/tls/dex/ca.crt", "/etc/dugong/tls/dex/a.pem"})
    EXPECT_TRUE(has(text, fmt::format("replace {}", path))) << path << "\n" << text;
  EXPECT_FALSE(has(text, "put /")) << text;
  for (const auto& put : plan_install(wanted, seen, now)->change.puts) EXPECT_FALSE(put.is_new) << put.path;
}

TEST(PlanInstall, SomethingElseInAFilesPlaceIsRefused) {
  for (const auto path : {installed::program, installed::boot_unit, installed::node_config}) {
    auto seen = bare();
    seen.files[std::string{path}] = {InstalledKind::other, 0, 0, {}};
    EXPECT_TRUE(has(told(plan_install(wanted_for({cluster().nodes[0]}), seen, now)), "and not a file")) << path;
  }
}

TEST(PlanInstall, ACertificateThatOthersMayReadIsMadeAnew) {
  const auto wanted = wanted_for({cluster().nodes[0]});
  auto seen = after(bare(), plan_install(wanted, bare(), now).value());
  seen.files[certificate_path("dex", "a")].mode = 0644;
  const auto plan = plan_install(wanted, seen, now);
  EXPECT_TRUE(has(told(plan), "others may read its key")) << told(plan);
  EXPECT_EQ(plan->certificates.size(), 1U);
}

TEST(PlanUpgrade, ReplacesTheProgramAndKeepsTheFormer) {
  const auto wanted = wanted_for({});
  auto seen = bare();
  EXPECT_TRUE(has(told(plan_upgrade(wanted, seen)), "there is no /usr/local/bin/dugong on that host"));
  seen.files[std::string{installed::program}] = {InstalledKind::file, 0755, 0, std::string(64, 'x')};
  seen.program_version = "dugong 0.1.0";
  const auto plan = plan_upgrade(wanted, seen);
  EXPECT_TRUE(has(told(plan),
                  "replace /usr/local/bin/dugong: dugong 0.1.0 by dugong 0.2.0; the former stays as "
                  "/usr/local/bin/dugong.previous"))
      << told(plan);
  EXPECT_FALSE(has(told(plan), "enable")) << told(plan);
  EXPECT_EQ(plan->change.boot, node::HostChange::Boot::reload);
  EXPECT_TRUE(plan_upgrade(wanted, after(seen, *plan))->empty());
}

TEST(PlanRemoval, TakesWhatWasPutAndSaysWhatStays) {
  auto wanted = wanted_for({cluster().nodes[0]});
  wanted.key = "ssh-ed25519 " + std::string(68, 'A') + " controller";
  auto seen = bare();
  seen.authorized_keys = "ssh-rsa mine\n";
  seen = after(seen, plan_install(wanted, seen, now).value());
  const auto plan = plan_removal("dex", seen);
  const auto text = told(plan);
  for (const auto* part :
       {"remove /usr/local/bin/dugong\n", "remove /usr/local/bin/dugong-wal", "disable dugong-boot.service",
        "remove /etc/dugong/tls/dex: a.pem, ca.crt",
        "remove from ~root/.ssh/authorized_keys: ssh-ed25519 …AAAAAAAA controller", "note: /etc/dugong/node.toml stays",
        "note: datasets, directories and servers are left alone"})
    EXPECT_TRUE(has(text, part)) << part << "\n" << text;
  ASSERT_EQ(plan->change.keys_to_drop.size(), 1U);
  EXPECT_TRUE(plan->change.keys_to_drop[0].ends_with(wanted.key));
  for (const auto& path : plan->change.deletes) EXPECT_FALSE(has(path, "node.toml")) << path;
  EXPECT_TRUE(plan_removal("dex", bare())->empty());
}

TEST(PlanRemoval, IsRefusedWhileDugongIsAtWork) {
  auto seen = bare();
  seen.running = {"dugong up, root@h, pid 12"};
  EXPECT_TRUE(has(told(plan_removal("dex", seen)), "refused: dugong is at work there: dugong up, root@h, pid 12"));
}

TEST(PlanRemoval, KeysThatCannotBeReadAreLeftToTheOperator) {
  auto seen = after(bare(), plan_install(wanted_for({cluster().nodes[0]}), bare(), now).value());
  seen.keys_unread = "authorized_keys is reached through a symbolic link";
  const auto plan = plan_removal("dex", seen);
  EXPECT_TRUE(has(told(plan), "note: remove the `dugong serve` line by hand: authorized_keys is")) << told(plan);
}

TEST(PlanRemoval, NamesThatDugongDidNotPutThereAreRefusedBeforeTheFirstGoes) {
  auto seen = after(bare(), plan_install(wanted_for({cluster().nodes[0]}), bare(), now).value());
  seen.directories[std::string{installed::tls} + "/dex"] = {"a.pem", "a.pem~", "ca.crt", "my notes"};
  EXPECT_TRUE(has(told(plan_removal("dex", seen)),
                  "move it away there: /etc/dugong/tls/dex/a.pem~, /etc/dugong/tls/dex/my notes"))
      << told(plan_removal("dex", seen));
}

TEST(PlanRemoval, AnotherClusterOnTheHostKeepsTheProgram) {
  auto seen = after(bare(), plan_install(wanted_for({cluster().nodes[0]}), bare(), now).value());
  seen.directories[std::string{installed::tls}] = {"dex", "sky"};
  const auto plan = plan_removal("dex", seen);
  EXPECT_TRUE(has(told(plan), "note: dugong itself stays: sky is there too")) << told(plan);
  EXPECT_FALSE(has(told(plan), "remove /usr/local")) << told(plan);
  const auto unknown = told(plan_removal("", seen));
  EXPECT_TRUE(has(unknown, "refused: that host belongs to clusters: dex, sky")) << unknown;
  EXPECT_TRUE(has(unknown, "a file that still has its [[node]]")) << unknown;
  EXPECT_TRUE(has(unknown, "put it back, remove, then delete it")) << unknown;
}

}  // namespace
}  // namespace dugong::engine
