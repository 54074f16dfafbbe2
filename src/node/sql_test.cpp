#include "node/sql.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <pwd.h>
#include <stdlib.h>
#include <thread>
#include <unistd.h>

#include "node/installed_postgres_test.h"
#include "node/sql_connection.h"
#include "os/clock.h"
#include "os/spawn.h"
#include "postgres/identifiers.h"

namespace dugong::node {
namespace {

// ---- pure parts

std::string refusal(std::string_view text) {
  const auto explained = explain_refusal(text);
  return explained.sqlstate + "|" + explained.message;
}
TEST(ExplainRefusal, TakesTheServersCode) {
  EXPECT_EQ(refusal("connection to server on socket \"/s\" failed: FATAL:  57P03: the database system is starting up\n"
                    "LOCATION:  ProcessStartupPacket, postmaster.c:2321\n"),
            "57P03|connection to server on socket \"/s\" failed: FATAL:  the database system is starting up");
  EXPECT_EQ(refusal("FATAL:  28P01: password authentication failed for user \"x\"\n"),
            "28P01|FATAL:  password authentication failed for user \"x\"");
  EXPECT_EQ(refusal("FATAL:  3D000: database \"x\" does not exist"), "3D000|FATAL:  database \"x\" does not exist");
}
TEST(ExplainRefusal, InAnyLanguage) { EXPECT_EQ(refusal("FATAL:  57P03: das startet"), "57P03|FATAL:  das startet"); }
TEST(ExplainRefusal, LibpqsOwn) {
  EXPECT_EQ(refusal("failed: Connection refused\n"), "08001|failed: Connection refused");
  EXPECT_EQ(refusal("fe_sendauth: no password supplied"), "28P01|fe_sendauth: no password supplied");
  EXPECT_EQ(refusal("FATAL:  12 of them"), "08001|FATAL:  12 of them");
}
TEST(BoundParameters, Counts) {
  EXPECT_EQ(bound_parameters("SELECT 1"), 0U);
  EXPECT_EQ(bound_parameters("SELECT $1, $12, $3"), 12U);
  EXPECT_EQ(bound_parameters("SELECT '$9', $1"), 1U);
  EXPECT_EQ(bound_parameters("SELECT $$x$$"), 0U);
  EXPECT_EQ(bound_parameters("SELECT '99999', $2 || '''$7'"), 2U);
}

// ---- a real server

constexpr const char* superuser_password = " p'a\"s$s\\w:%#0 é ";

class Server {
 public:
  static Server* get() {
    static std::unique_ptr<Server> server = make();
    return server.get();
  }
  ~Server() {
    run({"pg_ctl", "-D", data(), "-m", "immediate", "stop"});
    std::filesystem::remove_all(directory_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] SqlTarget target() const { return {directory_, port(), "post gres", "postgres", directory_ + "/pass"}; }
  [[nodiscard]] SqlTarget as(const std::string& user, const std::string& password) const {
    auto result = target();
    result.user = user;
    result.password_file = directory_ + "/other";
    std::filesystem::remove(result.password_file);
    std::ofstream{result.password_file} << password << "\n";
    own(result.password_file);
    return result;
  }
  // Several of these programs may run at once.
  [[nodiscard]] static std::uint16_t port() { return static_cast<std::uint16_t>(50'000 + ::getpid() % 10'000); }
  // A passfile with one line, for the server as a peer.
  [[nodiscard]] AskPeer peer(const std::string& user, const std::string& password) const {
    const auto file = directory_ + "/pgpass";
    std::ofstream{file} << "10.0.0.9:1:replication:x:y\n"
                        << *postgres::passfile_line("127.0.0.1", std::to_string(port()), "replication", user, password)
                        << "\n";
    own(file);
    return {"127.0.0.1", port(), user, file};
  }
  // As dugong leaves a secret: of whom its directory belongs to.
  void own(const std::string& file) const {
    if (user_ == nullptr) return;
    EXPECT_EQ(::chown(file.c_str(), user_->pw_uid, user_->pw_gid), 0);
  }

 private:
  Server() = default;
  [[nodiscard]] std::string data() const { return directory_ + "/data"; }
  bool run(std::vector<std::string> argv) const {
    os::Command command;
    argv[0] = installed_postgres() + "/" + argv[0];
    command.argv = std::move(argv);
    command.out = os::Stdio::null;
    command.err = os::Stdio::null;
    if (user_) command.user = os::Credentials{user_->pw_uid, user_->pw_gid};
    auto child = os::spawn(command);
    if (!child) return false;
    auto exit = child->wait(os::deadline_in(Millis{60'000}));
    return exit && exit->ok();
  }
  static std::unique_ptr<Server> make() {
    if (installed_postgres().empty()) return nullptr;
    auto server = std::unique_ptr<Server>{new Server};
    if (::geteuid() == 0) server->user_ = ::getpwnam("postgres");
    std::string pattern = "/tmp/dugong-sql-XXXXXX";
    server->directory_ = ::mkdtemp(pattern.data());
    std::ofstream{server->directory_ + "/pass"} << superuser_password << "\n";
    if (server->user_ != nullptr) {
      for (const char* name : {"", "/pass"}) {
        if (::chown((server->directory_ + name).c_str(), server->user_->pw_uid, server->user_->pw_gid) != 0)
          return nullptr;
      }
    }
    const bool started =
        server->run({"initdb", "-D", server->data(), "-U", "post gres", "--pwfile=" + server->directory_ + "/pass",
                     "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"}) &&
        server->run({"pg_ctl", "-D", server->data(), "-w", "-l", server->directory_ + "/log", "-o",
                     "-k " + server->directory_ + " -p " + std::to_string(port()) +
                         " -c listen_addresses=127.0.0.1 -c fsync=off",
                     "start"});
    return started ? std::move(server) : nullptr;
  }
  std::string directory_;
  const passwd* user_ = nullptr;
};

class Sql : public testing::Test {
 protected:
  void SetUp() override {
    if (installed_postgres().empty()) GTEST_SKIP() << "no PostgreSQL here";
    ASSERT_NE(Server::get(), nullptr) << "initdb or pg_ctl failed";
    target_ = Server::get()->target();
  }
  static Deadline soon() { return os::deadline_in(Millis{20'000}); }
  SqlConnection connected() {
    auto opened = SqlConnection::open(target_, {}, soon(), {});
    EXPECT_TRUE(opened.has_value());
    auto* refused = std::get_if<ConnectRefusal>(&*opened);
    EXPECT_EQ(refused, nullptr) << refused->message;
    return std::get<SqlConnection>(std::move(*opened));
  }
  postgres::StatementResult statement(std::string_view text, const std::vector<std::string>& parameters = {}) {
    auto connection = connected();
    auto result = connection.run(text, parameters);
    EXPECT_TRUE(result.has_value()) << result.error().what;
    return result ? *result : postgres::StatementResult{};
  }
  std::string cell(std::string_view text, const std::vector<std::string>& parameters = {}) {
    auto result = statement(text, parameters);
    if (!result.ok()) return result.sqlstate;
    return result.rows.empty() ? "no row" : result.rows.at(0).at(0).value_or("null");
  }
  std::string refused(const SqlTarget& target) {
    auto answer = run_sql({target, {}}, soon(), {});
    if (!answer) return "error: " + answer.error().what;
    return answer->connected ? "connected" : answer->sqlstate;
  }
  SqlTarget target_;
};

TEST_F(Sql, RunsANamedQuery) {
  auto answer = run_sql({target_, {{"clock", {}}, {"observe", {}}}}, soon(), {});
  ASSERT_TRUE(answer.has_value()) << answer.error().what;
  ASSERT_TRUE(answer->connected) << answer->message;
  ASSERT_EQ(answer->calls.size(), 2U);
  EXPECT_EQ(answer->calls[0].back().columns, (std::vector<std::string>{"epoch"}));
  EXPECT_EQ(answer->calls[1].size(), postgres::find_query("observe")->statements.size());
  for (const auto& result : answer->calls[1]) EXPECT_TRUE(result.ok()) << result.message;
}
TEST_F(Sql, UnknownAndPrivateQueriesAreRefused) {
  auto unknown = run_sql({target_, {{"drop everything", {}}}}, soon(), {});
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().kind, ErrorKind::conflict);
  auto not_yours = run_sql({target_, {{"role_verifier", {"post gres"}}}}, soon(), {});
  ASSERT_FALSE(not_yours.has_value());
  EXPECT_EQ(not_yours.error().kind, ErrorKind::refused);
  auto count = run_sql({target_, {{"create_slot", {}}}}, soon(), {});
  ASSERT_FALSE(count.has_value());
  EXPECT_EQ(count.error().kind, ErrorKind::invalid);
}
TEST_F(Sql, BothStylesOfParameters) {
  EXPECT_EQ(cell("SELECT $2 || $1", {"a'b", "$1 \\"}), "$1 \\a'b");
  EXPECT_EQ(cell("SELECT %1L", {"it's\\"}), "it's\\");
  EXPECT_EQ(statement("SELECT 1 AS %1I", {"a \"b\""}).columns, (std::vector<std::string>{"a \"b\""}));
}
TEST_F(Sql, NullIsNotEmpty) {
  const auto result = statement("SELECT NULL::text, ''");
  EXPECT_EQ(result.rows, (std::vector<postgres::Row>{{std::nullopt, ""}}));
}
TEST_F(Sql, ColumnsWithoutRows) { EXPECT_EQ(statement("SELECT 1 AS a WHERE false").columns.size(), 1U); }
TEST_F(Sql, WhatTheServerSaysIsTheAnswer) {
  const auto result = statement("SELECT 1/0");
  EXPECT_EQ(result.sqlstate, "22012");
  EXPECT_EQ(result.message, "division by zero");
  EXPECT_EQ(cell("SELECT nothing"), "42703");
  EXPECT_EQ(cell("SELECT 1; SELECT 2"), "42601");  // one statement is one statement
}
TEST_F(Sql, AFailedStatementDoesNotEndTheConnection) {
  auto connection = connected();
  EXPECT_EQ(connection.run("SELECT 1/0", {})->sqlstate, "22012");
  EXPECT_TRUE(connection.run("SELECT 1", {})->ok());
}
TEST_F(Sql, ALostConnectionIsAnAnswer) {
  auto connection = connected();
  EXPECT_EQ(connection.run("SELECT pg_terminate_backend(pg_backend_pid())", {})->sqlstate, "57P01");
  EXPECT_EQ(connection.run("SELECT 1", {})->sqlstate, "08006");
}
TEST_F(Sql, ALargeAnswerIsCutOff) {
  const auto result = statement("SELECT repeat('x', 1000) FROM generate_series(1, 1000000)");
  EXPECT_EQ(result.sqlstate, "54000");
  EXPECT_TRUE(result.rows.empty());
  EXPECT_LT(result.seconds, 10);
}
TEST_F(Sql, ParametersWithNulAreInvalid) {
  auto connection = connected();
  auto result = connection.run("SELECT $1", {std::string{"a\0b", 3}});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::invalid);
}
TEST_F(Sql, TheDeadlineCancelsTheStatement) {
  auto opened = SqlConnection::open(target_, {}, os::deadline_in(Millis{500}), {});
  auto& connection = std::get<SqlConnection>(*opened);
  auto result = connection.run("SELECT pg_sleep(60), 'dugong sleeper'", {});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::timed_out);
  os::sleep_for(Millis{300});
  EXPECT_EQ(cell("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%dugong sleeper%' AND "
                 "pid <> pg_backend_pid()"),
            "0");
}
TEST_F(Sql, AStopCancelsTheStatement) {
  std::stop_source stop;
  auto opened = SqlConnection::open(target_, {}, soon(), stop.get_token());
  std::jthread stopper{[&] {
    os::sleep_for(Millis{200});
    stop.request_stop();
  }};
  auto result = std::get<SqlConnection>(*opened).run("SELECT pg_sleep(60)", {});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::interrupted);
}
TEST_F(Sql, ManyAtOnce) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 12; ++i) threads.emplace_back([&] { EXPECT_EQ(cell("SELECT 7"), "7"); });
}

TEST_F(Sql, RefusalsHaveACode) {
  auto target = target_;
  target.port = 54398;  // the one socket there is leads to the server: a changed port waits for its restart
  EXPECT_EQ(refused(target), "connected");
  target = target_;
  target.database = "nowhere";
  EXPECT_EQ(refused(target), "3D000");
  target.database = "host=elsewhere.invalid dbname=x";  // a name, not a connection string
  EXPECT_EQ(refused(target), "3D000");
  EXPECT_EQ(refused(Server::get()->as("post gres", "wrong")), "28P01");
  target = target_;
  target.password_file.clear();
  EXPECT_EQ(refused(target), "28P01");
}
TEST_F(Sql, APasswordThatTheServerDoesNotHaveYetFallsBackToTheOneBefore) {
  auto target = Server::get()->as("post gres", "not set yet");
  std::ifstream good{target_.password_file};
  const auto before = target.password_file + ".before";
  std::ofstream{before} << good.rdbuf();
  Server::get()->own(before);
  EXPECT_EQ(refused(target), "connected");
  good.seekg(0);
  std::ofstream{before} << "never set\n" << good.rdbuf() << "\nolder\n";
  EXPECT_EQ(refused(target), "connected");  // a second change came before the first was set
  std::ofstream{before} << "never set\n";
  EXPECT_EQ(refused(target), "28P01");
  std::filesystem::remove(before);
  EXPECT_EQ(refused(target), "28P01");
}
TEST_F(Sql, ALinkIsNoPasswordFile) {
  const std::string elsewhere = target_.password_file;
  const std::string why = "error: the password file is not a plain file of whom its directory belongs to";
  auto target = target_;
  for (const bool hard : {false, true}) {
    target.password_file = target_.socket_dir + (hard ? "/hard" : "/soft");
    if (hard)
      std::filesystem::create_hard_link(elsewhere, target.password_file);
    else
      std::filesystem::create_symlink(elsewhere, target.password_file);
    EXPECT_EQ(refused(target), why);
    std::filesystem::remove(target.password_file);
  }
}
TEST_F(Sql, NorIsAFileOfSomebodyElse) {
  auto target = Server::get()->as("post gres", superuser_password);
  EXPECT_EQ(refused(target), "connected");
  if (::geteuid() != 0 || ::chown(target.password_file.c_str(), 0, 0) != 0) GTEST_SKIP() << "needs root";
  EXPECT_EQ(refused(target), "error: the password file is not a plain file of whom its directory belongs to");
}
TEST_F(Sql, BadTargetsAreErrors) {
  auto target = target_;
  target.password_file += ".missing";
  EXPECT_EQ(refused(target), "error: the password file does not exist");
  target = target_;
  target.socket_dir = "localhost";
  EXPECT_EQ(refused(target), "error: \"localhost\" is not a directory of sockets");
  target.socket_dir = "/run,10.0.0.9";
  EXPECT_EQ(refused(target), "error: \"/run,10.0.0.9\" is not a directory of sockets");
}
TEST_F(Sql, TheEnvironmentDoesNotLeadElsewhere) {
  ::setenv("PGHOSTADDR", "127.0.0.1", 1);
  EXPECT_EQ(refused(target_), "08001");
  ::unsetenv("PGHOSTADDR");
  ::setenv("PGOPTIONS", "-c search_path=elsewhere", 1);
  EXPECT_EQ(cell("SHOW search_path"), "\"$user\", public");
  ::unsetenv("PGOPTIONS");
}

std::string outcome(const Result<Done>& result) { return result ? "ok" : result.error().what; }

class Passwords : public Sql, public testing::WithParamInterface<std::string> {};
TEST_P(Passwords, AreSetAndMarked) {
  const std::string role = "repl \"x\" 'y'";
  EXPECT_EQ(outcome(set_role_password({target_, role, {GetParam()}, true}, soon(), {})), "ok");
  EXPECT_EQ(refused(Server::get()->as(role, GetParam())), "connected");
  EXPECT_EQ(refused(Server::get()->as(role, GetParam() + "x")), "28P01");
  EXPECT_EQ(cell("SELECT left(rolpassword, 14) FROM pg_authid WHERE rolname = $1", {role}), "SCRAM-SHA-256$");
  EXPECT_EQ(cell("SELECT rolreplication AND NOT rolsuper FROM pg_authid WHERE rolname = $1", {role}), "t");

  const auto mark = [&](const std::string& password) {
    auto answer = role_password_mark({target_, role, {password}}, soon(), {});
    return answer ? answer->mark : "error: " + answer.error().what;
  };
  const auto before = mark(GetParam());
  EXPECT_EQ(before.size(), 64U);
  EXPECT_EQ(mark(GetParam()), before);
  EXPECT_NE(mark(GetParam() + "x"), before);
  EXPECT_EQ(outcome(set_role_password({target_, role, {GetParam()}, true}, soon(), {})), "ok");
  EXPECT_NE(mark(GetParam()), before);  // the same password under a new salt
}
INSTANTIATE_TEST_SUITE_P(Sql, Passwords,
                         testing::Values("simple", " spaces  inside ", "quo'te\"s", "$dollar$$1", "back\\slash\\n",
                                         "a:b%c#d", "p\xc3\xa4ssw\xc3\xb6rt \xf0\x9f\x90\x8b", "latin \xe9",
                                         "new\nline", std::string(500, 'x')));

TEST_F(Sql, PasswordsThatCannotBe) {
  EXPECT_EQ(outcome(set_role_password({target_, "r", {""}, true}, soon(), {})),
            "the password of r is empty or holds a NUL byte");
  EXPECT_EQ(outcome(set_role_password({target_, "r", {std::string{"a\0b", 3}}, true}, soon(), {})),
            "the password of r is empty or holds a NUL byte");
  EXPECT_EQ(outcome(set_role_password({target_, "nobody", {"p"}, false}, soon(), {})),
            "the role \"nobody\" does not exist");
}
TEST_F(Sql, NoRoleNoMark) {
  auto answer = role_password_mark({target_, "nobody", {"p"}}, soon(), {});
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->mark, "");
}
TEST_F(Sql, UnreachableIsAnErrorWhereTheAnswerHasNoRoom) {
  auto target = target_;
  target.socket_dir += "/none";
  auto answer = role_password_mark({target, "r", {"p"}}, soon(), {});
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
}

TEST_F(Sql, APeerSaysWhoItIs) {
  const auto facts = ask_peer(Server::get()->peer("post gres", superuser_password), soon(), {});
  ASSERT_TRUE(facts) << facts.error().what;
  EXPECT_TRUE(facts->answered) << facts->why_not;
  EXPECT_EQ(to_string(facts->system_identifier), cell("SELECT system_identifier FROM pg_control_system()"));
  EXPECT_EQ(facts->timeline, TimelineId{1});
  EXPECT_EQ(facts->in_recovery, false);
}

TEST_F(Sql, APeerThatDoesNotLetUsInIsSilent) {
  const auto why = [](const AskPeer& peer) {
    const auto facts = ask_peer(peer, soon(), {});
    return !facts ? "error: " + facts.error().what : facts->answered ? "answered" : facts->why_not;
  };
  const auto* server = Server::get();
  EXPECT_NE(why(server->peer("post gres", "wrong")).find("(28P01)"), std::string::npos);
  auto unlisted = server->peer("post gres", superuser_password);
  unlisted.user = "somebody";
  EXPECT_NE(why(unlisted).find("has no password for 127.0.0.1"), std::string::npos);
  auto nobody = server->peer("post gres", superuser_password);
  nobody.port = 1;
  EXPECT_NE(why(nobody).find("has no password for 127.0.0.1 port 1"), std::string::npos);
  for (const auto* address : {"", "/tmp", "10.0.0.1,10.0.0.2", "@abstract"}) {
    auto elsewhere = server->peer("post gres", superuser_password);
    elsewhere.address = address;
    EXPECT_NE(why(elsewhere).find("is not an address"), std::string::npos) << address;
  }
}

TEST_F(Sql, APeerThatDoesNotAnswerInTimeIsSilent) {
  const auto facts = ask_peer(Server::get()->peer("post gres", superuser_password), os::deadline_in(Millis{0}), {});
  ASSERT_TRUE(facts) << facts.error().what;
  EXPECT_FALSE(facts->answered);
}

}  // namespace
}  // namespace dugong::node
