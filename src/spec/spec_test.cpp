// What a good file becomes.
#include "spec/spec.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

#include "spec/spec_test_support.h"

namespace dugong::spec {
namespace {

using namespace test;

Spec good(const std::string& text) {
  auto spec = parse(text);
  EXPECT_TRUE(spec) << complaint(text);
  return spec ? *std::move(spec) : Spec{};
}

TEST(Spec, has_defaults) {
  auto spec = good(Parts{}.text());
  EXPECT_EQ(spec.cluster, "dex");
  EXPECT_EQ(spec.file, "dugong.toml");
  EXPECT_EQ(spec.postgres.runtime, RuntimeKind::compose);
  EXPECT_EQ(spec.postgres.image, "pg:17");
  EXPECT_EQ(spec.postgres.database, "postgres");
  EXPECT_EQ(spec.postgres.port, 5432);
  EXPECT_EQ(spec.postgres.shm_size, "1g");
  EXPECT_EQ(spec.postgres.extensions, std::vector<std::string>{"timescaledb"});
  EXPECT_EQ(spec.auth.superuser, "postgres");
  EXPECT_EQ(spec.auth.replication_user, "replicator");
  EXPECT_EQ(spec.ssh.config, "");
  EXPECT_EQ(spec.seed.slot_late_above, Bytes{64} << 30);
  EXPECT_EQ(spec.seed.commit_latency, Millis{8});
  ASSERT_EQ(spec.nodes.size(), 1U);
  const auto& a = spec.nodes.front();
  EXPECT_EQ(a.directory, "/srv/dugong/dex/a");
  EXPECT_EQ(a.port, 5432);
  EXPECT_FALSE(a.ssh);
  EXPECT_TRUE(a.is_primary());
  EXPECT_EQ(&spec.primary(), &a);
  EXPECT_EQ(a.position.line, 7U);
}

TEST(Spec, takes_every_key) {
  auto spec = good(R"(
cluster = "c-1"
[postgres]
runtime = "process"
bin_dir = "/usr/lib/postgresql/17/bin/"
os_user = "pg"
database = "Straße \"x\""
port = 6000
logs = "/var//log/./pg/"
extensions = ["timescaledb", "uuid-ossp"]
[auth]
superuser = "root user"
superuser_password = { env = "PW" }
replication_user = "${USER_NAME}"
replication_password = { file = "/pw" }
[ssh]
config = "${HOME}/.ssh/config"
[seed]
slot_late_above = "1.5T"
commit_latency = "25 ms"
[[node]]
name = "a"
address = "${IP}"
prefix = "tank/dex"
directory = "/d/a/"
port = 6001
[[node]]
name = "b"
address = "2001:db8::2"
ssh = "${USER_NAME}@h2"
prefix = "tank/dex"
follows = "a"
)");
  EXPECT_EQ(spec.postgres.runtime, RuntimeKind::process);
  EXPECT_EQ(spec.postgres.bin_dir, "/usr/lib/postgresql/17/bin");
  EXPECT_EQ(spec.postgres.os_user, "pg");
  EXPECT_EQ(spec.postgres.database, "Straße \"x\"");
  EXPECT_EQ(spec.postgres.logs, "/var/log/pg");
  EXPECT_EQ(spec.postgres.extensions, (std::vector<std::string>{"timescaledb", "uuid-ossp"}));
  EXPECT_EQ(spec.auth.superuser, "root user");
  EXPECT_EQ(spec.auth.superuser_password.reveal(), "s3cret");
  EXPECT_EQ(spec.auth.replication_user, "ops");
  EXPECT_EQ(spec.auth.replication_password.reveal(), "from file");
  EXPECT_EQ(spec.ssh.config, "/home/ops/.ssh/config");
  EXPECT_EQ(spec.seed.slot_late_above, Bytes{3} << 39);
  EXPECT_EQ(spec.seed.commit_latency, Millis{25});
  EXPECT_EQ(spec.nodes[0].address, "10.0.0.9");
  EXPECT_EQ(spec.nodes[0].directory, "/d/a");
  EXPECT_EQ(spec.nodes[0].port, 6001);
  EXPECT_EQ(spec.nodes[1].ssh, "ops@h2");
  EXPECT_EQ(spec.nodes[1].port, 6000);
  EXPECT_EQ(spec.nodes[1].directory, "/srv/dugong/c-1/b");
  EXPECT_EQ(spec.nodes[1].follows, "a");
  EXPECT_EQ(spec.find("b"), &spec.nodes[1]);
  EXPECT_EQ(spec.find("c"), nullptr);
}

TEST(Spec, may_have_no_extensions) { EXPECT_TRUE(good(with_postgres("extensions = []")).postgres.extensions.empty()); }

TEST(Spec, takes_numbers_from_variables) {
  EXPECT_EQ(good(with_postgres("port = \"${PORT}\"")).postgres.port, 5555);
  EXPECT_EQ(good(with_rest("[seed]\nslot_late_above = \"${SIZE}\"")).seed.slot_late_above, Bytes{32} << 30);
  EXPECT_EQ(good(with_rest("[seed]\nslot_late_above = 0")).seed.slot_late_above, 0U);
}

TEST(Settings, keep_what_was_written) {
  auto spec = good(with_settings(R"(max_connections = 3072
shared_buffers = "${SIZE}"
full_page_writes = false
jit = true
random_page_cost = 1.10
cpu_tuple_cost = +1e-2
seq_page_cost = 1_0.5
checkpoint_completion_target = 0.9
work_mem = 1_000
unix_socket_permissions = 0o777
search_path = ""
log_line_prefix = '%m [%p] $${x} $ $$ '
DateStyle = "ISO"
"ü.x" = 0.50
archive_timeout = -1)"));
  std::map<std::string, std::string> values;
  for (const auto& setting : spec.postgres.settings) values[setting.name] = setting.value;
  EXPECT_EQ(values, (std::map<std::string, std::string>{{"max_connections", "3072"},
                                                        {"shared_buffers", "32GB"},
                                                        {"full_page_writes", "off"},
                                                        {"jit", "on"},
                                                        {"random_page_cost", "1.10"},
                                                        {"cpu_tuple_cost", "+1e-2"},
                                                        {"seq_page_cost", "10.5"},
                                                        {"checkpoint_completion_target", "0.9"},
                                                        {"work_mem", "1000"},
                                                        {"unix_socket_permissions", "511"},
                                                        {"search_path", ""},
                                                        {"log_line_prefix", "%m [%p] ${x} $ $$ "},
                                                        {"datestyle", "ISO"},
                                                        {"ü.x", "0.50"},
                                                        {"archive_timeout", "-1"}}));
}

TEST(Settings, may_be_written_over_several_lines) {
  auto spec = good(with_settings("log_line_prefix = \"\"\"\\\n   ä%m \\\n  ü\"\"\""));
  ASSERT_EQ(spec.postgres.settings.size(), 1U);
  EXPECT_EQ(spec.postgres.settings[0].value, "ä%m ü");
}

TEST(Settings, keep_order_and_place) {
  auto spec = good(with_settings("work_mem = \"1GB\"\n  autovacuum = true"));
  EXPECT_EQ(spec.postgres.settings, (std::vector<Setting>{{"work_mem", "1GB", {5, 1}}, {"autovacuum", "on", {6, 3}}}));
  EXPECT_EQ(place(spec, spec.postgres.settings[1].position), "dugong.toml:6:3");
}

TEST(Settings, with_a_prefix_need_no_quotes) {
  auto spec =
      good(with_settings("timescaledb.license = \"timescale\"\n\"timescaledb.max_background_workers\" = 128\n"
                         "my_app.tenant = \"x\"\n[postgres.settings.plpgsql]\nextra_warnings = \"all\""));
  std::vector<std::string> names;
  for (const auto& setting : spec.postgres.settings) names.push_back(setting.name);
  std::ranges::sort(names);
  EXPECT_EQ(names, (std::vector<std::string>{"my_app.tenant", "plpgsql.extra_warnings", "timescaledb.license",
                                             "timescaledb.max_background_workers"}));
}

TEST(Settings, of_replicas_are_separate) {
  auto spec = good(with_postgres("[postgres.replica_settings]\ndefault_transaction_read_only = \"on\""));
  EXPECT_TRUE(spec.postgres.settings.empty());
  ASSERT_EQ(spec.postgres.replica_settings.size(), 1U);
  EXPECT_EQ(spec.postgres.replica_settings[0].name, "default_transaction_read_only");
}

TEST(Follows, is_the_first_node_unless_said) {
  auto spec = good(with_nodes(node("a") + node("b") + node("c", "follows = 'b'") + node("d", "role = 'replica'")));
  EXPECT_EQ(spec.primary().name, "a");
  EXPECT_EQ(spec.nodes[1].follows, "a");
  EXPECT_EQ(spec.nodes[2].follows, "b");
  EXPECT_EQ(spec.nodes[3].follows, "a");
}

TEST(Follows, is_the_node_that_says_primary) {
  auto spec = good(with_nodes(node("a") + node("b", "follows = 'a'") + node("c", "role = 'primary'")));
  EXPECT_EQ(spec.primary().name, "c");
  EXPECT_EQ(spec.nodes[0].follows, "c");
  EXPECT_EQ(spec.nodes[1].follows, "a");
  EXPECT_EQ(good(with_nodes(node("a", "role = 'primary'") + node("b"))).primary().name, "a");
}

TEST(Secrets, may_hold_what_a_password_may_hold) {
  auto password = [](const std::string& source) {
    return good(with_auth("superuser_password = " + source + "\nreplication_password = 'b'"))
        .auth.superuser_password.reveal();
  };
  EXPECT_EQ(password("'x'"), "x");
  EXPECT_EQ(password("'${PW}'"), "s3cret");
  EXPECT_EQ(password("'$${PW}'"), "${PW}");
  EXPECT_EQ(password("{ env = 'ODD' }"), "q'\"\\ \t€");
  EXPECT_EQ(password("{ file = '/pw' }"), "from file");
}

TEST(Secrets, are_not_expanded_twice) {
  auto spec = good(with_auth("superuser_password = { env = 'DOLLAR' }\nreplication_password = { file = '/dollar' }"));
  EXPECT_EQ(spec.auth.superuser_password.reveal(), "a${PW}b");
  EXPECT_EQ(spec.auth.replication_password.reveal(), "${PW}");
}

TEST(Example, is_a_good_file) {
  auto spec = good(example_file("dex"));
  EXPECT_EQ(spec.cluster, "dex");
  EXPECT_EQ(spec.nodes.size(), 2U);
  EXPECT_EQ(spec.auth.superuser_password.reveal(), "top");
  EXPECT_EQ(spec.auth.replication_password.reveal(), "repl");
}

TEST(Example, has_the_settings_of_a_large_database) {
  auto spec = good(example_file("dex"));
  std::map<std::string, std::string> values;
  for (const auto& setting : spec.postgres.settings) values[setting.name] = setting.value;
  EXPECT_EQ(values, (std::map<std::string, std::string>{{"timescaledb.max_background_workers", "128"},
                                                        {"max_parallel_workers", "128"},
                                                        {"max_worker_processes", "256"},
                                                        {"max_connections", "3072"},
                                                        {"max_wal_size", "4GB"},
                                                        {"max_pred_locks_per_transaction", "4096"},
                                                        {"statement_timeout", "180min"},
                                                        {"idle_in_transaction_session_timeout", "3600000"},
                                                        {"full_page_writes", "off"},
                                                        {"synchronous_commit", "off"},
                                                        {"shared_buffers", "32GB"},
                                                        {"wal_level", "replica"},
                                                        {"max_wal_senders", "10"},
                                                        {"wal_keep_size", "32GB"}}));
  ASSERT_EQ(spec.postgres.replica_settings.size(), 2U);
}

TEST(Example, stays_good_when_its_comments_are_removed) {
  auto text = example_file("dex");
  for (std::string_view line : {"# logs     = ", "# extensions = ", "# max_slot_wal_keep_size", "# [ssh]",
                                "# config = ", "# directory = ", "# port    = "}) {
    auto at = text.find(line);
    ASSERT_NE(at, std::string::npos) << line;
    text.erase(at, 2);
  }
  auto spec = good(text);
  EXPECT_EQ(spec.nodes[0].directory, "/srv/dugong/dex/a");
  EXPECT_EQ(spec.nodes[1].port, 5433);
}

TEST(BaseBudget, is_a_share_or_a_size_and_a_nodes_own_wins) {
  const auto of = [](const std::string& storage, const std::string& node) {
    return good(with_rest(storage) + node).nodes.at(0).base_budget;
  };
  EXPECT_EQ(of("", ""), (BaseBudget{.bytes = 0, .percent = 25}));
  EXPECT_EQ(of("[storage]\nbase_budget = '20%'", ""), (BaseBudget{.bytes = 0, .percent = 20}));
  EXPECT_EQ(of("[storage]\nbase_budget = '100 %'", ""), (BaseBudget{.bytes = 0, .percent = 100}));
  EXPECT_EQ(of("[storage]\nbase_budget = '500GB'", ""), (BaseBudget{.bytes = Bytes{500} << 30, .percent = 0}));
  EXPECT_EQ(of("[storage]\nbase_budget = 4096", ""), (BaseBudget{.bytes = 4096, .percent = 0}));
  EXPECT_EQ(of("[storage]\nbase_budget = '20%'", "base_budget = '1T'"),
            (BaseBudget{.bytes = Bytes{1} << 40, .percent = 0}));
}

TEST(Example, carries_the_cluster_name) {
  EXPECT_EQ(good(example_file("other-1")).cluster, "other-1");
  EXPECT_EQ(example_file("other").find("dex"), std::string::npos);
}

TEST(Example, is_the_one_in_the_tree) {
  auto tree = std::filesystem::path{__FILE__}.parent_path() / "../..";
  std::ifstream file{tree / "examples/dugong.toml"};
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), example_file("dex")) << "write the output of example_file(\"dex\") there";
}

TEST(Adopt, names_a_dataset_and_where_its_data_is) {
  const auto plain = good(with_node("adopt = 'zpool/data'")).nodes.at(0);
  EXPECT_EQ(plain.adopt, "zpool/data");
  EXPECT_EQ(plain.data, "/zpool/data");
  EXPECT_EQ(good(with_node("adopt = 'zpool/data'\ndata = '/srv/pg/data'")).nodes.at(0).data, "/srv/pg/data");
}

}  // namespace
}  // namespace dugong::spec
