// What a bad file is refused for: one line a case, with the place and a part of the message.
#include <gtest/gtest.h>

#include "base/text.h"
#include "spec/spec_test_support.h"

namespace dugong::spec {
namespace {

using namespace test;

struct Case {
  std::string text;
  std::string where;  // "5:9"
  std::string part;   // of what or next
};

void expect_refused(const std::vector<Case>& cases) {
  for (const auto& one : cases) {
    auto said = complaint(one.text);
    EXPECT_TRUE(said.starts_with("dugong.toml:" + one.where + " | ")) << said << "\nexpected at " << one.where;
    EXPECT_NE(said.find(one.part), std::string::npos) << said << "\nexpected: " << one.part;
  }
}

TEST(Refused, is_what_is_not_toml) {
  expect_refused({
      {"cluster = ", "1:11", "not valid TOML"},
      {"cluster = \"dex\"\ncluster = \"dex\"\n", "2:11", "cannot redefine"},
      {"[postgres]\nimage = \"x\"\n[postgres]\n", "3:1", "cannot redefine"},
      {"[auth]\nsuperuser = 'a' superuser = 'b'", "2:17", "not valid TOML"},
      {"a = \"\xFF\"", "1:5", "utf-8"},
      {"a = 'x", "1:7", "not valid TOML"},
      {"a = 1\n\n[+x]\nb = 2", "3:1", "no key or table"},
      {"[ü]", "1:1", "no key or table"},
      {"a = 1 ü", "1:7", "not valid TOML"},
      {"aƄ = 1", "1:2", "not valid TOML"},
      {"a = 1\n[[.x]]", "2:1", "no key or table"},
      {std::string(2100, '#'), "1:1", "2100 bytes"},
      {"\n" + std::string(2049, ' '), "2:1", "at most 2048"},
      {std::string((1 << 20) + 1, '\n'), "1:1", "no cluster file"},
  });
}

TEST(Refused, is_deep_nesting_without_a_crash) {
  EXPECT_NE(complaint("a = " + std::string(1000, '[')), "no error");
  std::string dotted = "a";
  for (int i = 0; i < 1000; ++i) dotted += ".a";
  EXPECT_NE(complaint("[" + dotted + "]\n" + dotted + " = 1").find("tables and arrays deep"), std::string::npos);
  std::string both;
  for (int i = 0; i < 100; ++i) both += "x = [\n{" + dotted + " = [\n";
  EXPECT_NE(complaint(both), "no error");
  EXPECT_NE(complaint(with_settings("a.b.c.d = 1")).find("too many parts"), std::string::npos);
}

TEST(Refused, is_what_is_missing) {
  expect_refused({
      {"", "1:1", "cluster is missing"},
      {"cluster = 'dex'", "1:1", "[postgres] is missing"},
      {"cluster = 'dex'\n[postgres]\nimage = 'x'", "1:1", "[auth] is missing"},
      {"cluster = 'dex'\n\n[postgres]\n", "3:1", "postgres.image is missing"},
      {"cluster = 'dex'\n[postgres]\nruntime = 'process'", "2:1", "postgres.bin_dir is missing"},
      {with_auth("superuser_password = 'x'"), "4:1", "auth.replication_password is missing"},
      {with_auth("replication_password = 'x'"), "4:1", "{ env = \"NAME\" }"},
      {with_nodes(""), "1:1", "there is no node"},
      {with_nodes("[[node]]\naddress = 'h'\nprefix = 't/a'"), "7:1", "node.name is missing"},
      {with_nodes("[[node]]\nname = 'a'\nprefix = 't/a'"), "7:1", "node.address is missing"},
      {with_nodes("[[node]]\nname = 'a'\naddress = 'h'"), "7:1", "node.prefix is missing"},
  });
}

TEST(Refused, is_a_key_that_nobody_knows) {
  expect_refused({
      {"clustr = 'dex'", "1:1", "did you mean cluster?"},
      {with_postgres("imgae = 'x'"), "4:1", "did you mean image?"},
      {with_postgres("  zzzzz = 'x'"), "4:3", "known are: runtime, image"},
      {with_auth("superuser_pasword = 'x'"), "5:1", "did you mean superuser_password?"},
      {with_rest("[ssh]\nconfg = 'x'"), "8:1", "did you mean config?"},
      {with_rest("[seed]\nslot_late_over = 1"), "8:1", "did you mean slot_late_above?"},
      {with_rest("[sed]\n"), "7:2", "did you mean"},
      {with_node("adress = 'x'"), "11:1", "did you mean address?"},
      {with_node("data = '/zpool/data'"), "11:1", "nothing is adopted"},
      {with_node("adopt = 'tank/a/live-0'"), "11:9", "overlaps prefix tank/a"},
      {with_node("adopt = 'z/x'\ndata = '/srv/dugong/dex/a/data'"), "11:9", "overlaps directory"},
      {with_auth("superuser_password = { evn = 'PW' }\nreplication_password = 'b'"), "5:24", "{ env = \"NAME\" }"},
      {with_auth("superuser_password = { env = 'PW', file = '/pw' }\nreplication_password = 'b'"), "5:22",
       "one source"},
      {with_auth("superuser_password = { }\nreplication_password = 'b'"), "5:22", "one source"},
  });
}

TEST(Refused, is_a_value_of_another_type) {
  expect_refused({
      {"cluster = 1", "1:11", "cluster must be a string, not a whole number"},
      {"cluster = 'dex'\npostgres = 1", "2:12", "postgres must be a table"},
      {"cluster = 'dex'\n[[postgres]]\nimage = 'x'", "2:1", "postgres must be a table, not an array"},
      {with_postgres("database = 1.5"), "4:12", "a number with a point"},
      {with_postgres("database = 2024-01-01"), "4:12", "a date or time"},
      {with_postgres("database = ['x']"), "4:12", "not an array"},
      {with_postgres("database = {}"), "4:12", "not a table"},
      {with_postgres("port = true"), "4:8", "a whole number, not true or false"},
      {with_postgres("port = 54.5"), "4:8", "a whole number"},
      {with_postgres("extensions = 'timescaledb'"), "4:14", "an array of strings"},
      {with_postgres("extensions = ['a', 2]"), "4:20", "must be a string"},
      {with_postgres("settings = 1"), "4:12", "write [postgres.settings]"},
      {with_postgres("replica_settings = []"), "4:20", "must be a table"},
      {with_auth("superuser_password = 1\nreplication_password = 'b'"), "5:22", "must be a string"},
      {with_auth("superuser_password = { env = 1 }\nreplication_password = 'b'"), "5:30", "env must be a string"},
      {with_rest("[seed]\nslot_late_above = 1.5"), "8:19", "a size such as"},
      {with_rest("[seed]\ncommit_latency = 10"), "8:18", "a time such as"},
      {with_nodes("[node]\nname = 'a'"), "7:1", "write [[node]]"},
      {"cluster = 'c'\nnode = []\n" + Parts{"", Parts{}.postgres, Parts{}.auth, "", ""}.text(), "2:8", "[[node]]"},
      {"cluster = 'c'\nnode = ['a']\n" + Parts{"", Parts{}.postgres, Parts{}.auth, "", ""}.text(), "2:9", "table"},
  });
}

TEST(Refused, is_a_variable_that_is_not_set) {
  expect_refused({
      {"cluster = \"${NOPE}\"", "1:11", "variable NOPE is not set"},
      {with_postgres("database = \"x${NOPE}y\""), "4:12", "export NOPE="},
      {with_postgres("database = \"${IP\""), "4:12", "for a literal ${ write $${"},
      {with_postgres("database = \"${}\""), "4:12", "no variable's name"},
      {with_postgres("database = \"${1A}\""), "4:12", "no variable's name"},
      {with_postgres("database = \"${A B}\""), "4:12", "no variable's name"},
      {with_postgres("database = \"${LATIN}\""), "4:12", "not UTF-8"},
      {with_postgres("database = \"a\\u0000b\""), "4:12", "NUL"},
      {with_settings("work_mem = \"${NOPE}\""), "5:12", "postgres.settings work_mem"},
      {with_auth("superuser_password = { env = 'NOPE' }\nreplication_password = 'b'"), "5:30", "NOPE is not set"},
      {with_auth("superuser_password = { env = '${NOPE}' }\nreplication_password = 'b'"), "5:30", "NOPE is not set"},
      {with_auth("superuser_password = '${NOPE}'\nreplication_password = 'b'"), "5:22", "NOPE is not set"},
  });
}

TEST(Refused, is_a_secret_that_cannot_be_one) {
  auto password = [](const std::string& source) {
    return with_auth("superuser_password = " + source + "\nreplication_password = 'b'");
  };
  expect_refused({
      {password("''"), "5:22", "it is empty"},
      {password("{ env = 'EMPTY' }"), "5:22", "it is empty"},
      {password("{ file = '/empty' }"), "5:22", "it is empty"},
      {password("{ file = '/nope' }"), "5:31", "/nope cannot be read: no such file | create it"},
      {password("{ file = 'pw' }"), "5:31", "not absolute"},
      {password("{ file = '/pw2' }"), "5:22", "newline"},
      {password("{ file = '/crlf' }"), "5:22", "carriage return"},
      {password("{ file = '/nul' }"), "5:22", "NUL"},
      {password("{ env = 'LINES' }"), "5:22", "newline"},
      {password("{ env = 'LATIN' }"), "5:22", "not UTF-8"},
      {password("\"a\\nb\""), "5:22", "newline"},
  });
}

TEST(Refused, never_shows_a_secret) {
  for (auto source : {"'hush\nhush'", "\"hush\\nhush\"", "'hush${NOPE}hush'", "'hush${'", "'hush' hush",
                      "{ hush = 'x' ", "'hush\\u0000'", "\"hush\\u0000\"", "{ env = 'LINES', hush = 'hush' }"}) {
    auto said = complaint(with_auth(std::string{"superuser_password = "} + source + "\nreplication_password = 'b'"));
    EXPECT_EQ(said.find("hush"), std::string::npos) << said;
  }
  EXPECT_EQ(complaint(with_auth("superuser_password = { env = 'LINES' }")).find("two"), std::string::npos);
}

TEST(Refused, is_a_key_that_would_have_no_effect) {
  std::string process = "cluster = 'c'\n[postgres]\nruntime = 'process'\nbin_dir = '/b'\n";
  expect_refused({
      {with_postgres("bin_dir = '/b'"), "4:1", "bin_dir has no meaning with runtime \"compose\""},
      {with_postgres("os_user = 'pg'"), "4:1", "the image brings its own"},
      {process + "image = 'x'", "5:1", "image has no meaning with runtime \"process\""},
      {process + "shm_size = '1g'", "5:1", "there is no container"},
      {with_postgres("runtime = 'podman'"), "4:11", "\"compose\" or \"process\""},
  });
}

TEST(Refused, is_a_name_that_does_not_fit) {
  expect_refused({
      {"cluster = 'Dex'", "1:11", "cluster \"Dex\": it does not begin with a letter a-z"},
      {with_nodes("[[node]]\nname = 'a_b'\naddress = 'h'\nprefix = 't/a'"), "8:8", "slot names"},
      {with_postgres("database = ''"), "4:12", "empty"},
      {with_postgres("database = \"a\\nb\""), "4:12", "control character"},
      {with_postgres("database = 'template1'"), "4:12", "copied from it"},
      {with_postgres("port = 0"), "4:8", "0 is not a port"},
      {with_postgres("port = -1"), "4:8", "1 to 65535"},
      {with_postgres("port = 65536"), "4:8", "65536 is not a port"},
      {with_postgres("port = 'x'"), "4:8", "x is not a port"},
      {with_postgres("shm_size = 'much'"), "4:12", "\"1g\""},
      {with_postgres("logs = 'logs'"), "4:8", "not absolute"},
      {with_postgres("logs = '/a/../b'"), "4:8", "there is a .."},
      {with_postgres("extensions = ['a;b']"), "4:15", "only letters"},
      {with_postgres("extensions = ['a', 'a']"), "4:20", "twice"},
      {with_postgres("[postgres.settings]\nport = 1"), "5:1", "under [postgres] or [[node]]"},
      {with_auth("superuser = 'pg_x'"), "5:13", "belong to PostgreSQL"},
      {with_auth("superuser = 'x'\nreplication_user = 'x'"), "6:20", "is the superuser"},
      {with_rest("[ssh]\nconfig = 'ssh_config'"), "8:10", "not absolute"},
      {with_rest("[seed]\nslot_late_above = '64X'"), "8:19", "the unit is not known"},
      {with_rest("[seed]\ncommit_latency = '10'"), "8:18", "it has no unit"},
      {with_rest("[seed]\nslot_late_above = -1"), "8:19", "begin with a digit"},
      {with_node("port = 99999"), "11:8", "99999 is not a port"},
      {with_node("directory = '/'"), "11:13", "root directory"},
      {with_node("directory = '/srv/a,/srv/b'"), "11:13", "there is a comma in it"},
      {with_node("ssh = '-oProxyCommand=x'"), "11:7", "for an option"},
      {with_node("ssh = ''"), "11:7", "empty"},
      {with_node("follows = ''"), "11:11", "follows is empty"},
      {with_node("role = 'master'"), "11:8", "\"primary\" or \"replica\""},
      {with_nodes("[[node]]\nname = 'a'\naddress = 'h:5432'\nprefix = 't/a'"), "9:11", "under `port`"},
  });
}

TEST(Refused, is_a_setting) {
  expect_refused({
      {with_settings("max_conections = 1"), "5:1", "did you mean max_connections?"},
      {with_settings("zzzzzzz = 1"), "5:1", "PostgreSQL 14 to 18 has no such setting"},
      {with_settings("'timescaledb.max_background_worker' = 1"), "5:1",
       "did you mean timescaledb.max_background_workers?"},
      {with_settings("timescaledb.nope = 1"), "5:13", "timescaledb has no such setting"},
      {with_settings("work_mem = 1\nWork_Mem = 2"), "6:1", "already set in line 5"},
      {with_settings("a.b = 1\n'a.b' = 2"), "6:1", "already set"},
      {with_settings("search_path = ['a']"), "5:15", "not an array"},
      {with_settings("work_mem = 2020-01-01"), "5:12", "not a date or time"},
      {with_settings("search_path = \"a\\nb\""), "5:15", "newline"},
      {with_settings("search_path = \"a\\u0000b\""), "5:15", "NUL"},
      {with_settings("archive_command = 'cp %p /x/%f'"), "5:1", "dugong-wal"},
      {with_settings("fsync = false"), "5:9", "loses the database"},
      {with_settings("hot_standby = 'off'"), "5:15", "would not answer"},
      {with_settings("wal_level = 'minimal'"), "5:13", "\"replica\" or \"logical\""},
      {with_postgres("[postgres.replica_settings]\nprimary_conninfo = 'x'"), "5:1",
       "postgres.replica_settings primary_conninfo"},
      {with_settings("\"a b.c\" = 1"), "5:1", "EXTENSION.NAME"},
      {with_settings("random_page_cost = nan"), "5:20", "not a finite number"},
      {with_settings("wal_buffers = '64MiB'"), "5:15", "the unit \"MiB\" here | write B, kB, MB, GB or TB"},
      {with_settings("shared_buffers = ' 1.5 gb '"), "5:18", "the unit \"gb\""},
      {with_settings("work_mem = '5min'"), "5:12", "the unit \"min\" here"},
      {with_settings("checkpoint_timeout = '15m'"), "5:22", "the unit \"m\" here | write us, ms, s, min, h or d"},
  });
}

TEST(Refused, is_no_or_two_primaries) {
  expect_refused({
      {with_nodes(node("a", "role = 'primary'") + node("b", "role = 'primary'")), "18:8",
       "two nodes start as primary: a and b"},
      {with_nodes(node("a", "follows = 'b'") + node("b")), "12:11",
       "no node starts as primary: the first one, a, follows b"},
      {with_nodes(node("a", "role = 'replica'") + node("b")), "12:8", "no node starts as primary"},
      {with_nodes(node("a", "role = 'replica'")), "12:8", "no node starts as primary"},
      {with_nodes(node("a") + node("b", "role = 'primary'\nfollows = 'a'")), "19:11",
       "starts as primary and follows a"},
  });
}

TEST(Refused, is_following_nobody_or_in_a_circle) {
  expect_refused({
      {with_nodes(node("a", "follows = 'a'")), "12:11", "no node starts as primary"},
      {with_nodes(node("a") + node("b", "follows = 'b'")), "18:11", "node b follows itself"},
      {with_nodes(node("alpha") + node("b", "follows = 'alhpa'")), "18:11", "did you mean alpha?"},
      {with_nodes(node("a") + node("b", "follows = 'xxxxx'")), "18:11", "nodes are: a, b"},
      {with_nodes(node("a") + node("b", "follows = 'c'") + node("c", "follows = 'b'")), "18:11", "b → c → b"},
      {with_nodes(node("a") + node("d", "follows = 'b'") + node("b", "follows = 'c'") + node("c", "follows = 'b'")),
       "18:11", "d → b → c → b"},
  });
}

// Two nodes with everything apart but what `b` says.
std::string two(const std::string& a, const std::string& b) {
  return with_nodes("[[node]]\nname = 'a'\n" + a + "\n[[node]]\nname = 'b'\n" + b + "\n");
}

TEST(Refused, are_nodes_that_collide) {
  expect_refused({
      {with_nodes(node("a") + node("a")), "14:8", "two nodes are called a"},
      {two("address='h1'\nssh='h1'\nprefix='t/a'", "address='H1'\nssh='h2'\nprefix='t/b'"), "14:9",
       "address and port of node a in line 8"},
      {two("address='h1'\nprefix='t/a'", "address='h2'\nprefix='t/a'\nport=1"), "14:8",
       "overlaps prefix t/a of node a"},
      {two("address='h1'\nprefix='t/a/b'", "address='h2'\nprefix='t/a'\nport=1"), "14:8", "on the same host"},
      {two("address='h1'\nssh='x@h'\nprefix='t/a'", "address='h2'\nssh='H'\nprefix='t/a/b'\nport=1"), "16:8",
       "overlaps prefix"},
      {two("address='h1'\nprefix='t/a'", "address='h2'\nssh='localhost'\nprefix='t/a'\nport=1"), "15:8",
       "overlaps prefix"},
      {two("address='h1'\nprefix='t/a'\ndirectory='/d'", "address='h2'\nprefix='t/b'\ndirectory='/d/'\nport=1"),
       "16:11", "overlaps directory /d"},
      {two("address='h1'\nprefix='t/a'\ndirectory='/d'", "address='h2'\nprefix='t/b'\ndirectory='/d/b'\nport=1"),
       "16:11", "overlaps directory /d"},
      {two("address='h1'\nprefix='t/a'", "address='h2'\nprefix='t/b'"), "11:1", "port 5432 of the host of node a"},
      {two("address='h1'\nprefix='t/a'\nport=7", "address='h2'\nprefix='t/b'\nport=7"), "16:6", "for example port = 8"},
  });
}

TEST(Refused, is_a_record_size_below_a_page) {
  Parts parts;
  EXPECT_NE(complaint(parts.text() + "\n[storage]\nrecordsize = '4K'\n").find("no record size"), std::string::npos);
}

TEST(Refused, is_a_budget_that_is_neither_a_size_nor_a_share) {
  const auto storage = [](const std::string& value) {
    return complaint(with_rest("[storage]\nbase_budget = " + value));
  };
  for (const auto* odd : {"'0%'", "'101%'", "'-1%'", "'x%'", "'%'", "'1.5%'", "'4294967317%'"})
    EXPECT_NE(storage(odd).find("is no share of a pool"), std::string::npos) << odd << ": " << storage(odd);
  EXPECT_NE(storage("'20 apples'").find("dugong.toml:8:15 | storage.base_budget: "), std::string::npos)
      << storage("'20 apples'");
  EXPECT_NE(storage("0").find("of no use"), std::string::npos) << storage("0");
  EXPECT_NE(storage("true").find("must be a size"), std::string::npos) << storage("true");
  EXPECT_NE(storage("['1G']").find("must be a size"), std::string::npos) << storage("['1G']");
  EXPECT_NE(complaint(with_node("base_budget = '0%'")).find("node.base_budget: "), std::string::npos);
}

TEST(Accepted, are_nodes_that_do_not_collide) {
  for (const auto& text : {
           two("address='h1'\nssh='h1'\nprefix='t/a'", "address='h2'\nssh='h2'\nprefix='t/a'"),
           two("address='h'\nssh='h1'\nprefix='t/a'", "address='h'\nssh='h2'\nprefix='t/a'\nport=1"),
           two("address='h'\nprefix='t/a'", "address='h'\nprefix='t/ab'\nport=1"),
           two("address='h'\nprefix='t/a'\ndirectory='/d/a'", "address='h'\nprefix='t/b'\nport=1\ndirectory='/d/ab'"),
       }) {
    EXPECT_EQ(complaint(text), "no error") << text;
  }
}

TEST(Refused, names_the_file_as_it_was_given) {
  auto spec = parse_spec("x = 1", "/etc/dugong/dugong.toml", {});
  ASSERT_FALSE(spec);
  EXPECT_EQ(spec.error().where, "/etc/dugong/dugong.toml:1:1");
}

TEST(Refused, is_everything_without_surroundings) {
  auto env = parse_spec(with_auth("superuser_password = { env = 'PW' }\nreplication_password = 'b'"), "f", {});
  EXPECT_NE(env.error().what.find("PW is not set"), std::string::npos);
  auto file = parse_spec(with_auth("superuser_password = { file = '/pw' }\nreplication_password = 'b'"), "f", {});
  EXPECT_NE(file.error().what.find("no file can be read"), std::string::npos);
}

TEST(Refused, text_is_printable) {
  for (auto text : {"\"\\u001B[2J\" = 1", "cluster = \"\\u001B[2J\"", "[postgres.settings]\n\"\\u001B\" = 1\n[x]"}) {
    auto said = complaint(text);
    EXPECT_EQ(said, printable(said));
  }
}

}  // namespace
}  // namespace dugong::spec
