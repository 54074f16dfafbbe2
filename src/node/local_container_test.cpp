// The door against a docker whose answers are ours to choose.
#include <filesystem>
#include <gtest/gtest.h>
#include <map>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>

#include "node/local_sandbox.h"
#include "os/fd.h"

namespace dugong::node {
namespace {

// Our container's state is the content of $S/status (missing: no container), other containers are $S/others, in JSON.
constexpr const char* small_docker = R"(
case "$1 $2" in
"compose version") echo v2.29.7; [ -e $S/V2 ]; exit;;
"compose -p") case "$*" in *" ps -q") cat > $S/trial; [ -e $S/OLD ] || exit 0; echo "client version 1.42 is too old" >&2; exit 1;; esac;;
"image inspect") [ -e $S/image ] || { echo "Error response from daemon: No such image: $3" >&2; exit 1; }
  echo '[{"Id": "sha256:1", "Config": {"Env": ["PGDATA=/pgdata"]}}]'; exit 0;;
"container inspect") comma=; printf '['
  if [ -e $S/status ]; then comma=,
    printf '{"Id":"1","Name":"/dugong-dex-b","Image":"sha256:1","State":{"Status":"%s","ExitCode":3,"Pid":0},' $(cat $S/status)
    printf '"Config":{"Labels":{"%s":"dex"}},"Mounts":[{"Type":"bind","Source":"%s/data","RW":true}]}' $(cat $S/label) $S
  fi
  [ -e $S/others ] && { printf %s "$comma"; cat $S/others; }
  echo ']'; exit 0;;
esac
case $1 in
version) [ -e $S/DOWN ] && { echo "Cannot connect to the Docker daemon at unix:///x" >&2; exit 1; }
  echo "28.2.2 1.24"; exit 0;;
ps) [ -e $S/DOWN ] && { echo "Cannot connect to the Docker daemon at unix:///x" >&2; exit 1; }
  [ -e $S/status ] && echo 1; [ -e $S/others ] && echo 2; exit 0;;
run) printf '70\n71\npostgres (PostgreSQL) 17.4\n';;
kill) [ -e $S/STUCK ] || echo exited > $S/status;;
wait) [ -e $S/STUCK ] && exec sleep 60; echo 0;;
rm) [ -e $S/STUCK ] && { echo "cannot remove" >&2; exit 1; }; rm $S/status;;
logs) echo "database system was shut down"; echo "FATAL:  no" >&2;;
compose) echo running > $S/status;;
esac
exit 0)";

class LocalContainer : public LocalSandbox {
 protected:
  LocalContainer() {
    tool("docker", small_docker);
    tool(
        "docker-compose",
        "case \"$*\" in *' ps -q') cat > $S/trial; [ -e $S/OLD ] && echo 'Not supported URL scheme http+docker' >&2 && "
        "exit 1; echo 'docker-compose version 1.29.2, build unknown' >&2; exit 0;; esac\n"
        "[ -e $S/EXITS ] && echo exited > $S/status || echo running > $S/status");
    write("label", "dugong.cluster\n");
    write("data/PG_VERSION", "17\n");
    server_.project = "dugong-dex-b";
    server_.compose_file = path("docker-compose.yaml");
    server_.data = path("data");
  }
  void status(const std::string& text) const { write("status", text + "\n"); }
  void stranger(const std::string& state, const std::string& source) const {
    write("others", R"({"Id":"2","Name":"/other","State":{"Status":")" + state +
                        R"("},"HostConfig":{"RestartPolicy":{"Name":"always"}},"Mounts":[{"Type":"bind","Source":")" +
                        source + R"(","RW":true}]})");
  }
  runtime::ServerFacts seen() {
    const auto facts = ask_it(runtime::InspectServer{server_});
    EXPECT_TRUE(facts) << facts.error().what;
    return facts ? *facts : runtime::ServerFacts{};
  }
  std::string start() { return failure(runtime::StartServer{server_}); }
  [[nodiscard]] std::string up(const std::string& program) const {
    return program + " -p dugong-dex-b -f " + server_.compose_file + " up -d";
  }
  runtime::Server server_;
};

TEST_F(LocalContainer, an_image_says_what_it_is) {
  write("image", "");
  const auto software = ask_it(runtime::InspectSoftware{runtime::Kind::compose, "pg:17", "", ""});
  ASSERT_TRUE(software);
  EXPECT_EQ(*software, (runtime::Software{"sha256:1", "/pgdata", 70, 71, 170004}));
}

TEST_F(LocalContainer, an_image_is_tried_once) {
  write("image", "");
  ASSERT_TRUE(ask_it(runtime::InspectSoftware{runtime::Kind::compose, "pg:17", "", ""}));
  write("calls", "");
  ASSERT_TRUE(ask_it(runtime::InspectSoftware{runtime::Kind::compose, "pg:17", "", ""}));
  EXPECT_FALSE(has(read("calls"), "docker run"));
}

TEST_F(LocalContainer, a_missing_image_is_to_be_pulled) {
  const auto why = failure(runtime::InspectSoftware{runtime::Kind::compose, "pg:17", "", ""});
  EXPECT_TRUE(has(why, "pg:17 is not on this host")) << why;
  EXPECT_TRUE(has(why, "|docker pull pg:17"));
}

TEST_F(LocalContainer, an_engine_and_the_compose_that_talks_to_it) {
  auto engine = ask_it(runtime::InspectEngine{});
  ASSERT_TRUE(engine) << engine.error().what;
  EXPECT_EQ(*engine, (runtime::Engine{"28.2.2", "1.24", "docker-compose", "1.29.2", std::nullopt}));
  EXPECT_EQ(read("trial"), runtime::compose_trial_file);
  EXPECT_FALSE(has(read("calls"), "up"));
}

TEST_F(LocalContainer, the_engine_of_another_process_of_compose) {
  write("V2", "");
  auto engine = ask_it(runtime::InspectEngine{});
  ASSERT_TRUE(engine) << engine.error().what;
  EXPECT_EQ(*engine, (runtime::Engine{"28.2.2", "1.24", "docker compose", "2.29.7", std::nullopt}));
}

TEST_F(LocalContainer, a_compose_that_cannot_talk_to_the_engine_says_why) {
  write("OLD", "");
  EXPECT_EQ(ask_it(runtime::InspectEngine{})->refuse, "Not supported URL scheme http+docker");
}

TEST_F(LocalContainer, an_engine_that_does_not_answer_is_no_engine) {
  write("DOWN", "");
  EXPECT_TRUE(has(failure(runtime::InspectEngine{}), "Cannot connect to the Docker daemon"));
}

TEST_F(LocalContainer, no_container) { EXPECT_EQ(seen(), runtime::ServerFacts{}); }

TEST_F(LocalContainer, a_running_container) {
  status("running");
  const auto facts = seen();
  EXPECT_EQ(facts.state, runtime::ServerState::running);
  EXPECT_EQ(facts.labels.at("dugong.cluster"), "dex");
  EXPECT_TRUE(facts.strangers.empty());
  EXPECT_TRUE(facts.log_tail.empty());
}

TEST_F(LocalContainer, an_exited_container_shows_its_last_words) {
  status("exited");
  const auto facts = seen();
  EXPECT_EQ(facts.exit_code, 3);
  EXPECT_EQ(facts.log_tail, (std::vector<std::string>{"database system was shut down", "FATAL:  no"}));
}

TEST_F(LocalContainer, others_with_the_data_are_strangers) {
  stranger("exited", path("data"));
  EXPECT_EQ(seen().strangers, (std::vector<std::string>{"container other (exited, restart policy \"always\")"}));
}

TEST_F(LocalContainer, others_without_the_data_are_not) {
  stranger("running", "/somewhere");
  EXPECT_TRUE(seen().strangers.empty());
}

TEST_F(LocalContainer, docker_is_quoted_when_it_is_down) {
  write("DOWN", "");
  EXPECT_TRUE(has(failure(runtime::InspectServer{server_}), "docker ps: Cannot connect to the Docker daemon"));
}

TEST_F(LocalContainer, starts_with_the_old_compose) {
  EXPECT_EQ(start(), "");
  EXPECT_TRUE(called(up("docker-compose")));
}

TEST_F(LocalContainer, starts_with_the_new_compose) {
  write("V2", "");
  EXPECT_EQ(start(), "");
  EXPECT_TRUE(called(up("docker compose")));
}

TEST_F(LocalContainer, what_runs_is_left_alone) {
  status("running");
  EXPECT_EQ(start(), "");
  EXPECT_FALSE(called(up("docker-compose")));
}

TEST_F(LocalContainer, a_running_stranger_stops_the_start) {
  stranger("running", path("data"));
  EXPECT_TRUE(has(start(), "is in use: container other"));
  EXPECT_FALSE(called(up("docker-compose")));
}

TEST_F(LocalContainer, no_server_is_made_beside_the_dataset) {
  std::filesystem::remove(path("data/PG_VERSION"));
  EXPECT_TRUE(has(start(), "no dataset is mounted at"));
  EXPECT_FALSE(called(up("docker-compose")));
}

TEST_F(LocalContainer, a_container_that_ends_at_once_is_a_failure_with_its_words) {
  write("EXITS", "");
  const auto why = start();
  EXPECT_TRUE(has(why, "exit code 3")) << why;
  EXPECT_TRUE(has(why, "FATAL:  no")) << why;
}

TEST_F(LocalContainer, stops_with_sigint) {
  status("running");
  EXPECT_EQ(failure(runtime::StopServer{server_, 10}), "");
  EXPECT_TRUE(called("docker kill --signal SIGINT dugong-dex-b"));
  EXPECT_EQ(seen().state, runtime::ServerState::exited);
}

TEST_F(LocalContainer, what_does_not_run_is_stopped) {
  EXPECT_EQ(failure(runtime::StopServer{server_, 10}), "");
  status("exited");
  EXPECT_EQ(failure(runtime::StopServer{server_, 10}), "");
  EXPECT_FALSE(has(read("calls"), "docker kill"));
}

TEST_F(LocalContainer, a_slow_shutdown_is_waited_for_and_never_cut) {
  status("running");
  write("STUCK", "");
  const auto answer = ask_it(runtime::StopServer{server_, 1});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::timed_out);
  EXPECT_TRUE(has(answer.error().left, "not killed"));
  EXPECT_FALSE(has(read("calls"), "KILL"));
  EXPECT_FALSE(has(read("calls"), "docker stop"));
}

TEST_F(LocalContainer, is_removed_when_it_is_stopped) {
  status("exited");
  EXPECT_EQ(failure(runtime::RemoveServer{server_}), "");
  EXPECT_EQ(seen().state, runtime::ServerState::absent);
  EXPECT_EQ(failure(runtime::RemoveServer{server_}), "");
}

TEST_F(LocalContainer, a_removal_without_effect_is_told) {
  status("running");
  write("STUCK", "");
  EXPECT_TRUE(has(failure(runtime::RemoveServer{server_}), "docker rm: cannot remove"));
}

TEST_F(LocalContainer, a_container_without_our_mark_is_never_touched) {
  write("label", "com.example.other\n");
  status("exited");
  EXPECT_TRUE(has(start(), "was not made by dugong"));
  EXPECT_TRUE(has(failure(runtime::RemoveServer{server_}), "was not made by dugong"));
  status("running");
  EXPECT_TRUE(has(failure(runtime::StopServer{server_, 1}), "was not made by dugong"));
  EXPECT_FALSE(has(read("calls"), "docker kill"));
  EXPECT_FALSE(has(read("calls"), "docker rm"));
}

// An engine behind a socket of the sandbox: what it answers to each path; anything else it does not have.
class SmallEngine {
 public:
  explicit SmallEngine(const std::string& path) : fd_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd_.get(), 8), 0);
    ::setenv("DOCKER_HOST", ("unix://" + path).c_str(), 1);
    ::unsetenv("DOCKER_CONTEXT");
  }
  ~SmallEngine() {
    ::shutdown(fd_.get(), SHUT_RDWR);
    ::unsetenv("DOCKER_HOST");
  }
  SmallEngine(const SmallEngine&) = delete;
  SmallEngine& operator=(const SmallEngine&) = delete;
  void start() {
    thread_ = std::jthread{[this] {
      while (true) {
        const os::Fd peer{::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        if (!peer.valid()) return;
        answer(peer);
      }
    }};
  }
  std::map<std::string, std::string> bodies;
  std::string failure;  // answered in place of everything

 private:
  void answer(const os::Fd& peer) const {
    const os::StopSignal never{{}};
    std::string into(1000, '\0');
    const auto count = os::read_some(peer.get(), into, os::deadline_in(Millis{5'000}), never).value_or(0);
    const auto question = into.substr(0, count);
    const auto path = question.substr(4, question.find(" HTTP/1.0\r\n") - 4);
    const auto found = bodies.find(path);
    std::string text =
        found == bodies.end() ? "HTTP/1.0 404 Not Found\r\n\r\n{}" : "HTTP/1.0 200 OK\r\n\r\n" + found->second;
    if (!failure.empty()) text = failure;
    EXPECT_TRUE(os::write_all(peer.get(), text, os::deadline_in(Millis{5'000}), never));
  }
  os::Fd fd_;
  std::jthread thread_;
};

TEST_F(LocalContainer, an_engine_behind_a_socket_is_asked_itself) {
  SmallEngine engine{path("docker.sock")};
  engine.bodies = {
      {"/containers/json?all=1", R"([{"Id":"0a"},{"Id":"0b"},{"Id":"0c"},{"Id":"0d"}])"},
      {"/containers/0a/json", R"({"Id":"0a","Name":"/dugong-dex-b","State":{"Status":"running","Pid":0}})"},
      {"/containers/0b/json", R"({"Id":"0b","Name":"/old-db","State":{"Status":"exited"},"Mounts":[{"Type":)"
                              R"("bind","Source":")" +
                                  path("data") + R"(","RW":true}]})"},
      {"/containers/0d/json", R"({"Id":"0d","Name":"/by-volume","State":{"Status":"exited"},"Mounts":[{"Type":)"
                              R"("volume","Name":"v","Source":"/elsewhere","RW":true}]})"},
      {"/volumes", R"({"Volumes":[{"Name":"v","Options":{"o":"bind","device":")" + path("data") + R"("}}]})"}};
  engine.start();
  const auto facts = seen();
  EXPECT_EQ(facts.state, runtime::ServerState::running);
  ASSERT_EQ(facts.strangers.size(), 2U);
  EXPECT_TRUE(has(facts.strangers[0], "container old-db (exited")) << facts.strangers[0];
  EXPECT_TRUE(has(facts.strangers[1], "container by-volume (exited")) << facts.strangers[1];
  EXPECT_FALSE(has(read("calls"), "docker")) << read("calls");
}

TEST_F(LocalContainer, whose_data_it_is_does_not_depend_on_the_way_there) {
  std::filesystem::create_directory_symlink(path("data"), path("way"));
  SmallEngine engine{path("docker.sock")};
  engine.bodies = {{"/containers/json?all=1", R"([{"Id":"0b"}])"},
                   {"/containers/0b/json", R"({"Id":"0b","Name":"/old-db","State":{"Status":"exited"},)"
                                           R"("Config":{"Env":["PGDATA=/data"]},"Mounts":[{"Type":"bind","Source":")" +
                                               path("way") + R"(","Destination":"/data","RW":true}]})"},
                   {"/volumes", R"({"Volumes":null})"}};
  engine.start();
  const auto facts = seen();
  ASSERT_EQ(facts.containers.size(), 1U);
  EXPECT_TRUE(facts.containers[0].serves);
}

TEST_F(LocalContainer, what_the_engine_does_not_answer_as_expected_docker_is_asked) {
  status("running");
  SmallEngine engine{path("docker.sock")};
  engine.failure = "HTTP/1.0 400 Bad Request\r\n\r\nthis API is too old";
  engine.start();
  EXPECT_EQ(seen().state, runtime::ServerState::running);
  EXPECT_TRUE(called("docker ps --all --quiet --no-trunc"));
}

TEST_F(LocalContainer, where_nobody_listens_docker_says_so) {
  ::setenv("DOCKER_HOST", ("unix://" + path("nobody.sock")).c_str(), 1);
  ::unsetenv("DOCKER_CONTEXT");
  write("DOWN", "");
  EXPECT_TRUE(has(failure(runtime::InspectServer{server_}), "docker ps: Cannot connect to the Docker daemon"));
  ::unsetenv("DOCKER_HOST");
}

TEST_F(LocalContainer, the_image_makes_its_data_itself) {
  EXPECT_TRUE(has(failure(runtime::InitData{server_, "postgres", "/x"}), "the image makes the data directory"));
}

}  // namespace
}  // namespace dugong::node
