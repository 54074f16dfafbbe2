// Consent: what is asked, of whom, and that without it no lock is taken and nothing is done.
#include "cli/change.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>

namespace dugong::cli {
namespace {

class StillClock final : public engine::Clock {
 public:
  Steady::time_point now() override { return {}; }
  std::int64_t wall_seconds() override { return 0; }
  std::int64_t wall_ns() override { return 0; }
  bool sleep(Millis, std::stop_token stop) override { return !stop.stop_requested(); }
};

// A node that locks and removes directories, and shows a server when there is one; everything else fails.
class LockingFleet final : public node::Fleet, public node::Node {
 public:
  struct Log {
    int locks = 0;
    int removed = 0;
    bool locked_by_other = false;
    bool broken = false;
    std::optional<runtime::ServerState> server;
    std::vector<zfs::Dataset> storage;
  };
  explicit LockingFleet(Log& log) : log_{log} {}
  Result<node::Node*> node(const std::string&) override { return this; }
  Result<node::CopyResult> copy(const node::CopyRequest&, const node::CopyProgress&, Deadline,
                                std::stop_token) override {
    return fail(ErrorKind::failed, "no copies here");
  }
  Result<node::Answer> call(const node::Request& request, Deadline, std::stop_token) override {
    if (std::holds_alternative<node::AcquireLock>(request)) {
      if (log_.locked_by_other) return node::Answer{node::AcquireLock::Answer{false, "dugong up, root@x, pid 9"}};
      ++log_.locks;
      return node::Answer{node::AcquireLock::Answer{true, ""}};
    }
    if (std::holds_alternative<runtime::StopServer>(request)) {
      ++log_.removed;
      return node::Answer{Done{}};
    }
    if (std::holds_alternative<node::RemoveDirectory>(request) && !(log_.broken && log_.removed > 0)) {
      ++log_.removed;
      return node::Answer{Done{}};
    }
    if (log_.server) return look(request);
    return fail(ErrorKind::failed, "not here");
  }

 private:
  // Somebody changed the superuser's password: the server refuses us, whoever else is connected.
  Result<node::Answer> look(const node::Request& request) {
    if (std::holds_alternative<node::InspectHost>(request)) return node::Answer{node::HostFacts{}};
    if (std::holds_alternative<zfs::ListTree>(request)) return node::Answer{log_.storage};
    if (std::holds_alternative<runtime::InspectServer>(request))
      return node::Answer{runtime::ServerFacts{.state = *log_.server}};
    if (std::holds_alternative<node::RunSql>(request))
      return node::Answer{node::RunSql::Answer{.sqlstate = "28P01", .message = "password authentication failed"}};
    return fail(ErrorKind::failed, "not here");
  }
  Log& log_;
};

struct Flow {
  std::ostringstream out, err;
  StillClock clock;
  LockingFleet::Log log;
  std::optional<std::string> typed;
  bool terminal = false;
  int rounds = 2;  // of one step each; then nothing is left to do
  int abandoned = 0;
  Change change;
  Arguments arguments;
  World world{.out = out, .err = err, .clock = clock, .stop = {}, .identity = "root@h, pid 1"};

  Flow() {
    change.verb = "up";
    change.settled = "nothing to do";
    change.planner = [this](const cluster::Observed&) -> Result<cluster::Plan> {
      cluster::Plan plan;
      if (log.removed < rounds)
        plan.steps.push_back({"a", cluster::RemoveDirectory{"/srv/" + std::to_string(log.removed)}, ""});
      return plan;
    };
    change.abandon = [this](const cluster::Observed&) {
      ++abandoned;
      return cluster::Plan{};
    };
    arguments.progress = ProgressMode::plain;
    world.environment = [](std::string_view name) -> std::optional<std::string> {
      return name == "PW" ? std::optional<std::string>{"x"} : std::nullopt;
    };
    world.read_line = [this] { return typed; };
    world.file_exists = [](const std::string&) { return true; };
    world.read_file = [](const std::string&) -> Result<std::string> {
      return std::string{
          "cluster = \"dex\"\n[postgres]\nruntime = \"process\"\nbin_dir = \"/usr/lib/postgresql/15/bin\"\n"
          "[auth]\nsuperuser_password = { env = \"PW\" }\nreplication_password = { env = \"PW\" }\n"
          "[[node]]\nname = \"a\"\naddress = \"10.0.0.1\"\nprefix = \"tank/a\"\n"};
    };
    world.open_fleet = [this](const spec::Spec&) -> Result<std::unique_ptr<node::Fleet>> {
      return std::make_unique<LockingFleet>(log);
    };
  }
  Result<int> go() {
    world.in_is_terminal = world.err_is_terminal = terminal;
    const auto session = TRY(Session::open(arguments, world, change.verb));
    return carry_out(change, arguments, world, *session);
  }
  void expect_untouched() const {
    EXPECT_EQ(log.locks, 0);
    EXPECT_EQ(log.removed, 0);
    EXPECT_EQ(abandoned, 0);
  }
};

TEST(CarryOut, NothingToDo) {
  Flow flow;
  flow.rounds = 0;
  EXPECT_EQ(flow.go().value(), 0);
  EXPECT_EQ(flow.out.str(), "nothing to do\n");
  flow.expect_untouched();
}

TEST(CarryOut, WithYesItIsShownAndDone) {
  Flow flow;
  flow.arguments.yes = true;
  EXPECT_EQ(flow.go().value(), 0);
  EXPECT_EQ(flow.log.locks, 3);  // the node, its dataset, its directory
  EXPECT_EQ(flow.log.removed, 2);
  EXPECT_NE(flow.out.str().find("plan: 1 step on 1 node\n  1  a: remove directory /srv/0\n"), std::string::npos);
  EXPECT_NE(flow.out.str().find("done: 2 steps in "), std::string::npos);
}

TEST(CarryOut, DestructiveStepsOfLaterRoundsAreNamed) {
  Flow flow;
  flow.arguments.yes = true;
  EXPECT_TRUE(flow.go().has_value());
  EXPECT_NE(flow.err.str().find("note: now also: a: remove directory /srv/1\n"), std::string::npos) << flow.err.str();
  EXPECT_EQ(flow.err.str().find("now also: a: remove directory /srv/0"), std::string::npos);
}

// One step, and then the server of `a` is to be stopped.
void stop_in_round_two(Flow& flow, bool announced) {
  flow.change.planner = [&flow, announced](const cluster::Observed&) -> Result<cluster::Plan> {
    cluster::Plan plan;
    if (flow.log.removed == 0) plan.steps.push_back({"a", cluster::RemoveDirectory{"/srv/0"}, ""});
    if (flow.log.removed == 1) plan.steps.push_back({"a", runtime::StopServer{}, "port waits"});
    if (flow.log.removed == 0 && announced) plan.restarts.push_back({"a", "port waits"});
    return plan;
  };
}

TEST(CarryOut, AStopThatWasNotShownIsNotMadeOnAYesGivenBefore) {
  Flow flow;
  stop_in_round_two(flow, false);
  flow.arguments.yes = true;
  const auto done = flow.go();
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::refused);
  EXPECT_EQ(done.error().what, "a must be stopped, which the plan did not show: port waits");
  EXPECT_EQ(done.error().left, "1 step done before it stay done");
  EXPECT_EQ(flow.log.removed, 1);
}

TEST(CarryOut, AServerThatOnlyRefusesUsMayHaveClients) {
  Flow flow;
  stop_in_round_two(flow, false);
  flow.arguments.yes = true;
  flow.log.server = runtime::ServerState::running;
  const auto done = flow.go();
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::refused);
  EXPECT_EQ(flow.log.removed, 1);
}

TEST(CarryOut, AServerThatDidNotRunIsStoppedWithoutAsking) {
  Flow flow;
  stop_in_round_two(flow, false);
  flow.arguments.yes = true;
  flow.log.server = runtime::ServerState::exited;
  EXPECT_EQ(flow.go().value(), 0);
  EXPECT_EQ(flow.log.removed, 2);
}

TEST(CarryOut, AServerThatIsBeingMadeHasNoClients) {
  Flow flow;
  stop_in_round_two(flow, false);
  flow.arguments.yes = true;
  flow.log.server = runtime::ServerState::running;
  zfs::Dataset live;
  live.name = "tank/a/live-0";
  live.ours = {{"cluster", "dex"}, {"node", "a"}, {"role", "live"}, {"state", "initializing"}};
  flow.log.storage = {live};
  EXPECT_EQ(flow.go().value(), 0);
  flow.log.removed = 0;
  flow.log.storage.front().ours["state"] = "ready";
  EXPECT_FALSE(flow.go().has_value());
}

// One step per round; each round has something to say.
void note_in_every_round(Flow& flow) {
  flow.change.planner = [&flow](const cluster::Observed&) -> Result<cluster::Plan> {
    cluster::Plan plan;
    if (flow.log.removed < 3) plan.steps.push_back({"a", cluster::RemoveDirectory{"/srv/0"}, ""});
    plan.notes = {"of all rounds"};
    if (flow.log.removed == 1 || flow.log.removed == 2) plan.notes.push_back("of the middle");
    if (flow.log.removed == 3) plan.notes.push_back("of the end");
    return plan;
  };
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(CarryOut, WhatALaterRoundHasToSayIsSaidBeforeItsSteps) {
  Flow flow;
  note_in_every_round(flow);
  flow.arguments.yes = true;
  EXPECT_EQ(flow.go().value(), 0);
  const auto err = flow.err.str();
  EXPECT_EQ(count(err, "note: of the middle\n"), 1U) << err;
  EXPECT_LT(err.find("note: of the middle"), err.rfind("a: remove directory")) << err;
  EXPECT_EQ(count(err, "note: of all rounds"), 0U) << err;  // the plan showed it
  for (const auto* note : {"note: of all rounds\n", "note: of the middle\n", "note: of the end\n"})
    EXPECT_EQ(count(flow.out.str(), note), 1U) << flow.out.str();
}

TEST(CarryOut, TheNotesOfAPlanThatWasNotShownAreSaidToo) {
  Flow flow;
  note_in_every_round(flow);
  flow.arguments.yes = true;
  flow.arguments.output = Output::json;
  EXPECT_EQ(flow.go().value(), 0);
  EXPECT_EQ(count(flow.err.str(), "note: of all rounds\n"), 1U) << flow.err.str();
  EXPECT_EQ(nlohmann::json::parse(flow.out.str())["notes"].size(), 3U) << flow.out.str();
}

TEST(CarryOut, AStopThatWasNotShownIsAskedAboutAtATerminal) {
  Flow flow;
  stop_in_round_two(flow, false);
  flow.terminal = true;
  flow.typed = "y";
  EXPECT_EQ(flow.go().value(), 0);
  EXPECT_NE(flow.err.str().find("which the plan did not show: port waits\nCarry this out? [y/N]"), std::string::npos)
      << flow.err.str();
}

TEST(CarryOut, AStopThatWasAnnouncedIsPartOfTheConsent) {
  Flow flow;
  stop_in_round_two(flow, true);
  flow.arguments.yes = true;
  EXPECT_EQ(flow.go().value(), 0);
  EXPECT_NE(flow.out.str().find("a will be restarted: port waits\n"), std::string::npos) << flow.out.str();
  EXPECT_EQ(flow.log.removed, 2);
}

void adopt(Flow& flow) {
  flow.change.planner = [&flow, inner = flow.change.planner](const cluster::Observed& seen) -> Result<cluster::Plan> {
    auto plan = inner(seen);
    if (plan && !plan->steps.empty())
      plan->adoptions.push_back(
          {"a", "zpool/data", "/zpool/data", true, {{"port", "5433", "5432", "command line", true}}});
    return plan;
  };
}

TEST(CarryOut, AnAdoptionIsAgreedToByItself) {
  Flow flow;
  adopt(flow);
  flow.arguments.yes = true;
  const auto done = flow.go();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::refused);
  EXPECT_NE(done.error().next.find("up --yes --adopt"), std::string::npos);
  EXPECT_EQ(flow.log.locks + flow.log.removed, 0);
  EXPECT_NE(flow.out.str().find("port: 5433 -> 5432  [command line]  at a restart only"), std::string::npos)
      << flow.out.str();

  Flow agreed;
  adopt(agreed);
  agreed.arguments.yes = agreed.arguments.adopt = true;
  EXPECT_TRUE(agreed.go());
  EXPECT_EQ(agreed.log.removed, 2);
}

TEST(CarryOut, AnAdoptionIsAskedAboutOnceAtATerminal) {
  Flow flow;
  adopt(flow);
  flow.terminal = true;
  int asked = 0;
  flow.world.read_line = [&asked] {
    ++asked;
    return std::optional<std::string>{"y"};
  };
  EXPECT_TRUE(flow.go());
  EXPECT_EQ(asked, 2) << "the adoption, and the plan; not again in the next round";
  EXPECT_NE(flow.err.str().find("zpool/data on a) is to be taken over as shown, with one restart"), std::string::npos);

  Flow no;
  adopt(no);
  no.terminal = true;
  no.typed = "n";
  EXPECT_FALSE(no.go());
  EXPECT_EQ(no.log.locks + no.log.removed, 0);
}

TEST(CarryOut, DryRunChangesNothing) {
  Flow flow;
  flow.arguments.dry_run = true;
  flow.arguments.yes = true;
  EXPECT_EQ(flow.go().value(), 0);
  EXPECT_NE(flow.out.str().find("remove directory /srv/0"), std::string::npos);
  flow.expect_untouched();
}

TEST(CarryOut, WithoutATerminalAndWithoutYesItRefuses) {
  Flow flow;
  const auto done = flow.go();
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::invalid);
  EXPECT_NE(done.error().next.find("`dugong up --yes`"), std::string::npos);
  flow.expect_untouched();
}

// A hint that lost the names would stop, or destroy, the whole cluster.
struct NamedDown : Flow {
  explicit NamedDown(bool destroy) {
    change.verb = "down";
    if (destroy) change.consent = Change::Consent::cluster_name;
    arguments.names = {"a", "c"};
    arguments.destroy = destroy;
    arguments.file = "/etc/my clusters/dex.toml";
  }
};

TEST(Hints, SayTheCommandAsItWasTyped) {
  Arguments arguments;
  EXPECT_EQ(as_typed("up", arguments), "up");
  EXPECT_EQ(as_typed("up", arguments, "--yes"), "up --yes");
  arguments.adopt = true;
  arguments.file = "dex.toml";
  EXPECT_EQ(as_typed("up", arguments, "--yes"), "up --adopt --yes --file dex.toml");
  Arguments install;
  install.names = {"root@h1"};
  install.key = "/k.pub";
  install.ca_dir = "/ca";
  install.force_config = true;
  EXPECT_EQ(as_typed("node install", install), "node install root@h1 --force-config --key /k.pub --ca-dir /ca");
}

TEST(Hints, WithoutATerminalTheyKeepNamesAndFile) {
  NamedDown stop{false};
  EXPECT_EQ(stop.go().error().next,
            "`dugong down a c --yes --file '/etc/my clusters/dex.toml'`, or --dry-run to see the plan");
  NamedDown destroy{true};
  EXPECT_EQ(destroy.go().error().next, "`dugong down a c --destroy --confirm=dex --file '/etc/my clusters/dex.toml'`");
}

TEST(Hints, AfterAnInterruptionTheyKeepNamesAndFile) {
  NamedDown flow{true};
  std::stop_source source;
  flow.world.stop = source.get_token();
  flow.arguments.confirm = "dex";
  const auto planner = flow.change.planner;
  flow.change.planner = [&](const cluster::Observed& seen) {
    if (flow.log.removed == 1) source.request_stop();
    return planner(seen);
  };
  EXPECT_EQ(flow.go().error().next,
            "run `dugong down a c --destroy --file '/etc/my clusters/dex.toml'` again: it goes on where this ended");
}

TEST(Hints, OfAnAdoptionAndOfAStopKeepNamesAndFile) {
  Flow adoption;
  adopt(adoption);
  adoption.arguments.yes = true;
  adoption.arguments.file = "dex.toml";
  EXPECT_EQ(adoption.go().error().next,
            "look at `dugong plan --file dex.toml`; then `dugong up --yes --adopt --file dex.toml`");
  Flow stop;
  stop_in_round_two(stop, false);
  stop.change.verb = "replica add";
  stop.arguments.names = {"a"};
  stop.arguments.yes = true;
  EXPECT_EQ(stop.go().error().next, "`dugong replica add a` again: its plan shows it now");
}

TEST(CarryOut, OnlyAYesIsAYes) {
  const std::pair<std::optional<std::string>, bool> answers[] = {{"y", true},   {"Y", true},          {"yes", true},
                                                                 {"", false},   {"n", false},         {"yy", false},
                                                                 {"no", false}, {std::nullopt, false}};
  for (const auto& [typed, agreed] : answers) {
    Flow flow;
    flow.terminal = true;
    flow.typed = typed;
    EXPECT_EQ(flow.go().has_value(), agreed) << typed.value_or("end");
    EXPECT_EQ(flow.log.removed, agreed ? 2 : 0);
  }
}

TEST(CarryOut, DestroyingAsksForTheName) {
  struct Case {
    std::string confirm;
    std::optional<std::string> typed;
    bool terminal;
    bool agreed;
  };
  for (const auto& c : {Case{"dex", {}, false, true}, Case{"", "dex", true, true}, Case{"", "y", true, false},
                        Case{"", {}, true, false}, Case{"", "dex", false, false}, Case{"prod", "dex", true, false}}) {
    Flow flow;
    flow.change.consent = Change::Consent::cluster_name;
    flow.arguments.yes = true;  // is not enough
    flow.arguments.confirm = c.confirm;
    flow.terminal = c.terminal;
    flow.typed = c.typed;
    const auto done = flow.go();
    EXPECT_EQ(done.has_value(), c.agreed) << c.confirm;
    if (!c.agreed) {
      EXPECT_EQ(done.error().kind, ErrorKind::invalid);
      EXPECT_NE(done.error().next.find("--confirm=dex"), std::string::npos);
      flow.expect_untouched();
    }
  }
}

TEST(CarryOut, ALockHeldByAnotherEndsItBeforeAnything) {
  Flow flow;
  flow.arguments.yes = true;
  flow.log.locked_by_other = true;
  const auto done = flow.go();
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::refused);
  EXPECT_NE(done.error().what.find("dugong up, root@x, pid 9"), std::string::npos);
  EXPECT_EQ(flow.abandoned, 0);
}

TEST(CarryOut, AFailureInTheMiddleIsPartlyDoneAndTidiedUp) {
  Flow flow;
  flow.arguments.yes = true;
  flow.log.broken = true;
  const auto done = flow.go();
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::partial);
  EXPECT_EQ(done.error().left, "1 step done before it stay done");
  EXPECT_EQ(flow.abandoned, 1);
}

TEST(CarryOut, ARefusalInALaterRoundDoesNotSayThatNothingWasChanged) {
  Flow flow;
  flow.arguments.yes = true;
  const auto planner = flow.change.planner;
  flow.change.planner = [&](const cluster::Observed& seen) -> Result<cluster::Plan> {
    if (flow.log.removed == 0) return planner(seen);
    return fail(Error{ErrorKind::refused, "x", "b", "nothing was changed", "y"});
  };
  const auto done = flow.go();
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::refused);
  EXPECT_EQ(done.error().left, "1 step done before it stay done");
}

TEST(CarryOut, InterruptedSaysHowToGoOn) {
  Flow flow;
  std::stop_source source;
  flow.world.stop = source.get_token();
  flow.arguments.yes = true;
  const auto planner = flow.change.planner;
  flow.change.planner = [&](const cluster::Observed& seen) {
    if (flow.log.removed == 1) source.request_stop();
    return planner(seen);
  };
  const auto done = flow.go();
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::interrupted);
  EXPECT_EQ(done.error().next, "run `dugong up` again: it goes on where this ended");
  EXPECT_EQ(flow.abandoned, 1);
}

TEST(CarryOut, JsonIsTheOnlyThingOnStandardOutput) {
  Flow flow;
  flow.arguments.yes = true;
  flow.arguments.output = Output::json;
  EXPECT_EQ(flow.go().value(), 0);
  const auto outcome = nlohmann::json::parse(flow.out.str());
  EXPECT_EQ(outcome["changed"], true);
  EXPECT_EQ(outcome["steps"], 2);
}

TEST(CarryOut, JsonWithAQuestionShowsThePlanBesideIt) {
  Flow flow;
  flow.terminal = true;
  flow.typed = "y";
  flow.arguments.output = Output::json;
  EXPECT_EQ(flow.go().value(), 0);
  EXPECT_NE(flow.err.str().find("remove directory /srv/0"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(flow.out.str())["changed"], true);
}

}  // namespace
}  // namespace dugong::cli
