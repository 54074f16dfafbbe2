#include <gtest/gtest.h>

#include "runtime/commands.h"

namespace dugong::runtime {
namespace {

// `docker image inspect timescale/timescaledb:…`, shortened to fewer layers.
constexpr const char* image = R"([
    {
        "Id": "sha256:0a5d2f",
        "RepoTags": ["timescale/timescaledb:2.19.1-pg14"],
        "Config": {
            "Env": ["PATH=/usr/local/bin:/usr/bin", "PG_MAJOR=14", "PGDATA=/var/lib/postgresql/data"],
            "Cmd": ["postgres"],
            "Volumes": {"/var/lib/postgresql/data": {}},
            "Labels": null
        },
        "Architecture": "amd64"
    }
])";

// `docker container inspect A B`, members that nobody reads left out.
constexpr const char* containers = R"([
    {
        "Id": "8c1f",
        "State": {"Status": "running", "Running": true, "Pid": 4711, "ExitCode": 0},
        "Image": "sha256:0a5d2f",
        "Name": "/dugong-dex-b",
        "HostConfig": {"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}},
        "Mounts": [
            {"Type": "bind", "Source": "/srv/b/data", "Destination": "/var/lib/postgresql/data", "RW": true},
            {"Type": "volume", "Name": "x", "Source": "/var/lib/docker/volumes/x/_data", "Destination": "/x"},
            {"Type": "bind", "Source": "/etc/localtime", "Destination": "/etc/localtime", "RW": false},
            {"Type": "bind", "Source": "/srv/b/run", "Destination": "/var/run/postgresql", "RW": true}
        ],
        "Config": {"Labels": {"dugong.cluster": "dex", "com.docker.compose.project": "dugong-dex-b"}}
    },
    {
        "Id": "77aa",
        "State": {"Status": "exited", "Running": false, "ExitCode": 137},
        "Image": "sha256:ffff",
        "Name": "/other",
        "HostConfig": {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}},
        "Mounts": [],
        "Config": {"Labels": null}
    }
])";

constexpr const char* script = "70\n71\npostgres (PostgreSQL) 14.17\nglibc 2.36\n";

ServerState state_of(const std::string& status) {
  auto parsed = parse_containers(R"([{"State": {"Status": ")" + status + R"("}}])");
  return parsed ? parsed->at(0).facts.state : ServerState::absent;
}

TEST(ParseImage, says_what_runs_as_whom_and_where) {
  const auto software = parse_image(image, script);
  ASSERT_TRUE(software);
  EXPECT_EQ(*software, (Software{"sha256:0a5d2f", "/var/lib/postgresql/data", 70, 71, 140017, "glibc 2.36"}));
}

TEST(ParseImage, an_image_that_does_not_tell_its_libc_is_one_all_the_same) {
  const auto software = parse_image(image, "70\n71\npostgres (PostgreSQL) 14.17\n");
  ASSERT_TRUE(software);
  EXPECT_EQ(software->libc, "");
}

TEST(ParseEngine, version_and_least_api) {
  EXPECT_EQ(parse_engine_version("28.2.2 1.24\n").value_or(Engine{}).version, "28.2.2");
  EXPECT_EQ(parse_engine_version("28.2.2 1.24\n").value_or(Engine{}).least_api, "1.24");
  EXPECT_EQ(parse_engine_version("17.05.0-ce").value_or(Engine{}).version, "17.05.0-ce");
  EXPECT_FALSE(parse_engine_version(""));
  EXPECT_FALSE(parse_engine_version("Cannot connect to the Docker daemon"));
}

TEST(ParseCompose, versions) {
  EXPECT_EQ(parse_compose_version("v2.5.0\n"), "2.5.0");
  EXPECT_EQ(parse_compose_version("2.29.7-desktop.1\n"), "2.29.7");
  EXPECT_EQ(parse_compose_version("compose.config: Using...\ndocker-compose version 1.29.2, build unknown\ndocker-py"),
            "1.29.2");
  EXPECT_EQ(parse_compose_version("unknown shorthand flag"), "");
  EXPECT_EQ(parse_compose_version("2 apples"), "");
}

TEST(ParseCompose, the_last_word_of_a_stack_trace) {
  EXPECT_EQ(
      last_word("Traceback (most recent call last):\n  File \"x\"\ndocker.errors.DockerException: Not supported URL "
                "scheme http+docker\n\n"),
      "docker.errors.DockerException: Not supported URL scheme http+docker");
  EXPECT_EQ(last_word(""), "");
}

TEST(ParseImage, refuses_an_image_without_pgdata) {
  const auto software = parse_image(R"([{"Id": "sha256:1", "Config": {"Env": ["PATH=/bin"]}}])", script);
  ASSERT_FALSE(software);
  EXPECT_EQ(software.error().kind, ErrorKind::invalid);
  EXPECT_NE(software.error().what.find("PGDATA"), std::string::npos);
}

TEST(ParseImage, does_not_take_a_longer_name_for_pgdata) {
  EXPECT_FALSE(parse_image(R"([{"Id": "sha256:1", "Config": {"Env": ["PGDATAX=/x"]}}])", script));
}

TEST(ParseImage, an_empty_environment_is_null) {
  EXPECT_FALSE(parse_image(R"([{"Id": "sha256:1", "Config": {"Env": null}}])", script));
}

TEST(ParseImage, refuses_no_image) { EXPECT_FALSE(parse_image("[]", script)); }
TEST(ParseImage, refuses_an_image_without_id) { EXPECT_FALSE(parse_image("[{}]", script)); }
TEST(ParseImage, refuses_what_is_no_json) { EXPECT_FALSE(parse_image("Error: No such image", script)); }
TEST(ParseImage, refuses_an_object) { EXPECT_FALSE(parse_image("{}", script)); }
TEST(ParseImage, refuses_a_short_script_answer) { EXPECT_FALSE(parse_image(image, "70\n70\n")); }
TEST(ParseImage, refuses_an_unknown_user) {
  EXPECT_FALSE(parse_image(image, "id: unknown\n70\npostgres (PostgreSQL) 14.1\n"));
}
TEST(ParseImage, refuses_an_id_out_of_range) {
  EXPECT_FALSE(parse_image(image, "4294967296\n70\npostgres (PostgreSQL) 14.1\n"));
}

TEST(ParseImage, garbage_is_shown_without_control_characters) {
  const auto software = parse_image("\x1b[2J\xff", script);
  ASSERT_FALSE(software);
  EXPECT_EQ(software.error().what.find('\x1b'), std::string::npos);
  EXPECT_EQ(software.error().what.find('\xff'), std::string::npos);
}

TEST(ParseContainers, reads_all_of_them) {
  const auto list = parse_containers(containers);
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 2U);
  const auto& ours = list->at(0);
  EXPECT_EQ(ours.id, "8c1f");
  EXPECT_EQ(ours.name, "dugong-dex-b");
  EXPECT_EQ(ours.facts.image_id, "sha256:0a5d2f");
  EXPECT_EQ(ours.facts.state, ServerState::running);
  EXPECT_EQ(ours.facts.restart_policy, "no");
  EXPECT_EQ(ours.facts.labels.at("dugong.cluster"), "dex");
  EXPECT_EQ(ours.pid, 4711);
  EXPECT_EQ(list->at(1).pid, 0);
}

TEST(ParseContainers, only_writable_host_directories_are_bind_sources) {
  const auto list = parse_containers(containers);
  ASSERT_TRUE(list);
  EXPECT_EQ(list->at(0).bind_sources, (std::vector<std::string>{"/srv/b/data", "/srv/b/run"}));
}

TEST(ParseContainers, an_exited_one_keeps_its_exit_code) {
  const auto list = parse_containers(containers);
  ASSERT_TRUE(list);
  EXPECT_EQ(list->at(1).facts.state, ServerState::exited);
  EXPECT_EQ(list->at(1).facts.exit_code, 137);
  EXPECT_EQ(list->at(1).facts.restart_policy, "always");
  EXPECT_TRUE(list->at(1).facts.labels.empty());
}

bool uses(std::vector<std::string> sources, std::string_view data) {
  Container container;
  container.bind_sources = std::move(sources);
  return can_use(container, data);
}

TEST(CanUse, the_same_directory) { EXPECT_TRUE(uses({"/x", "/srv/b/data"}, "/srv/b/data")); }
TEST(CanUse, a_directory_above) { EXPECT_TRUE(uses({"/srv/b"}, "/srv/b/data")); }
TEST(CanUse, a_directory_below) { EXPECT_TRUE(uses({"/srv/b/data/pg_wal"}, "/srv/b/data")); }
TEST(CanUse, not_a_neighbour_of_similar_name) { EXPECT_FALSE(uses({"/srv/b/data2", "/srv/b/dat"}, "/srv/b/data")); }
TEST(CanUse, not_the_whole_host) { EXPECT_FALSE(uses({"/"}, "/srv/b/data")); }
TEST(CanUse, not_without_mounts) { EXPECT_FALSE(uses({}, "/srv/b/data")); }

TEST(ParseImageId, is_the_digest) { EXPECT_EQ(parse_image_id(image).value_or(""), "sha256:0a5d2f"); }
TEST(ParseImageId, refuses_nothing) { EXPECT_FALSE(parse_image_id("[]")); }

TEST(ParseContainers, none_is_an_empty_list) {
  const auto list = parse_containers("[]");
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->empty());
}

TEST(ParseContainers, refuses_what_is_no_json) {
  EXPECT_FALSE(parse_containers("Cannot connect to the Docker daemon"));
}

TEST(ParseContainers, odd_types_are_taken_for_missing) {
  const auto list =
      parse_containers(R"([{"Id": 3, "State": [], "Mounts": "x", "Config": {"Labels": {"a": 1}}}, null])");
  ASSERT_TRUE(list);
  EXPECT_EQ(list->size(), 2U);
  EXPECT_EQ(list->at(0).id, "");
}

TEST(ParseContainers, created) { EXPECT_EQ(state_of("created"), ServerState::created); }
TEST(ParseContainers, running) { EXPECT_EQ(state_of("running"), ServerState::running); }
TEST(ParseContainers, paused_still_holds_the_data) { EXPECT_EQ(state_of("paused"), ServerState::running); }
TEST(ParseContainers, restarting_still_holds_the_data) { EXPECT_EQ(state_of("restarting"), ServerState::running); }
TEST(ParseContainers, dead) { EXPECT_EQ(state_of("dead"), ServerState::exited); }
TEST(ParseContainers, removing) { EXPECT_EQ(state_of("removing"), ServerState::exited); }

std::int64_t version(std::string_view line) { return parse_version(line).value_or(-1); }

TEST(ParseVersion, debian) { EXPECT_EQ(version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), 150018); }
TEST(ParseVersion, plain) { EXPECT_EQ(version("postgres (PostgreSQL) 17.4"), 170004); }
TEST(ParseVersion, newline) { EXPECT_EQ(version("postgres (PostgreSQL) 14.17\n"), 140017); }
TEST(ParseVersion, beta) { EXPECT_EQ(version("postgres (PostgreSQL) 18beta1"), 180000); }
TEST(ParseVersion, development) { EXPECT_EQ(version("postgres (PostgreSQL) 19devel"), 190000); }
TEST(ParseVersion, older_schemes_are_refused) { EXPECT_EQ(version("postgres (PostgreSQL) 9.6.24"), -1); }
TEST(ParseVersion, other_programs_are_refused) { EXPECT_EQ(version("mysqld 8.0"), -1); }
TEST(ParseVersion, nothing_is_refused) { EXPECT_EQ(version(""), -1); }
TEST(ParseVersion, no_number_is_refused) { EXPECT_EQ(version("postgres (PostgreSQL) x"), -1); }
TEST(ParseVersion, a_dot_without_minor_is_refused) { EXPECT_EQ(version("postgres (PostgreSQL) 15."), -1); }

TEST(ServerStates, have_names) {
  EXPECT_EQ(to_string(ServerState::absent), "absent");
  EXPECT_EQ(to_string(ServerState::created), "created");
  EXPECT_EQ(to_string(ServerState::running), "running");
  EXPECT_EQ(to_string(ServerState::exited), "exited");
}

OtherContainer other(const std::string& name, const std::string& status, const std::string& policy) {
  const auto list =
      parse_containers(R"([{"Id": "1", "Name": "/)" + name + R"(", "Image": "sha256:1", "State": {"Status": ")" +
                       status + R"("}, "HostConfig": {"RestartPolicy": )" + policy +
                       R"(}, "Config": {"Env": ["PGDATA=/var/lib/postgresql/data/pgdata"],
      "Labels": {"com.docker.compose.project.config_files": "docker-compose.yaml,/etc/more.yaml",
                 "com.docker.compose.project": "timescale",
                 "com.docker.compose.project.working_dir": "/srv/pg"}},
      "Mounts": [{"Type": "bind", "Source": "/srv", "Destination": "/var", "RW": true},
                 {"Type": "bind", "Source": "/tank/data", "Destination": "/var/lib/postgresql/data", "RW": true}]}])");
  EXPECT_TRUE(list && list->size() == 1);
  return other_of(list->at(0), "/tank/data/pgdata");
}

TEST(OtherOf, tells_how_it_is_started) {
  const auto container = other("pg", "running", R"({"Name": "on-failure", "MaximumRetryCount": 3})");
  EXPECT_EQ(container.restart_policy, "on-failure:3");
  EXPECT_EQ(container.compose_files, (std::vector<std::string>{"/srv/pg/docker-compose.yaml", "/etc/more.yaml"}));
  EXPECT_EQ(container.project, "timescale");
  EXPECT_TRUE(container.serves) << "the longest mount that covers its PGDATA";
  EXPECT_FALSE(container.set_aside);
}
TEST(Volumes, are_their_own_unless_a_directory_is_behind_them) {
  const char* text =
      R"([{"Name": "pg", "Driver": "local", "Options": {"type": "none", "o": "bind", "device": "/tank/data"}},
                         {"Name": "own", "Driver": "local", "Options": null},
                         {"Name": "nfs", "Driver": "local", "Options": {"type": "nfs", "device": ":/export"}}])";
  const VolumeDevices only{{"pg", "/tank/data"}};
  EXPECT_EQ(*parse_volumes(text), only);
  EXPECT_EQ(*parse_volumes(std::string{R"({"Warnings": null, "Volumes": )"} + text + "}"), only);
  EXPECT_EQ(*parse_volumes(R"({"Volumes": null})"), VolumeDevices{});
  EXPECT_FALSE(parse_volumes("no such"));
}
TEST(Volumes, make_a_stopped_container_one_that_uses_the_data) {
  const char* text = R"([{"Name": "/pg", "State": {"Status": "exited"}, "Config": {"Env": ["PGDATA=/var/lib/pg/17"]},
      "Mounts": [{"Type": "volume", "Name": "pg", "Source": "/var/lib/docker/volumes/pg/_data",
                  "Destination": "/var/lib/pg", "RW": true}]}])";
  const auto seen = parse_containers(text, {{"pg", "/tank/data"}});
  ASSERT_TRUE(seen);
  EXPECT_TRUE(can_use(seen->at(0), "/tank/data/17"));
  EXPECT_TRUE(other_of(seen->at(0), "/tank/data/17").serves);
  EXPECT_FALSE(can_use(parse_containers(text)->at(0), "/tank/data/17"));
}
TEST(OtherOf, goes_when_it_was_made_so) {
  const auto list = parse_containers(R"([{"Name": "/pg", "HostConfig": {"AutoRemove": true}}, {"Name": "/other"}])");
  ASSERT_TRUE(list);
  EXPECT_TRUE(other_of(list->at(0), "/tank/data").goes_when_stopped);
  EXPECT_FALSE(other_of(list->at(1), "/tank/data").goes_when_stopped);
}
TEST(OtherOf, is_set_aside_only_while_nothing_starts_it) {
  EXPECT_TRUE(other("pg.before-dugong", "exited", R"({"Name": "no"})").set_aside);
  EXPECT_FALSE(other("pg.before-dugong", "running", R"({"Name": "no"})").set_aside);
  EXPECT_FALSE(other("pg.before-dugong", "exited", R"({"Name": "always"})").set_aside);
  EXPECT_FALSE(other("pg", "exited", R"({"Name": "no"})").set_aside);
}

}  // namespace
}  // namespace dugong::runtime
