// What people read: tables, errors, plans, progress.
#include <gtest/gtest.h>
#include <sstream>

#include "cli/errors.h"
#include "cli/progress.h"
#include "cli/show_checks.h"
#include "cli/show_plan.h"
#include "cli/show_space.h"
#include "cli/show_status.h"
#include "cli/table.h"
#include "cluster/running_world.h"
#include "cluster/space_world.h"

namespace dugong::cli {
namespace {

const Style plain{Style::Use::plain};
const Style colours{Style::Use::colours};
using cluster::testing::at;

TEST(Table, LinesUp) {
  const Table table{{{"NAME", Align::left}, {"SIZE", Align::right}, {"X", Align::left}},
                    {{{"a"}, {"10 B"}, {"one"}}, {{"änderung"}, {"≤ 1 s"}, {"two"}}}};
  EXPECT_EQ(render_table(table, plain),
            "NAME       SIZE  X\n"
            "a          10 B  one\n"
            "änderung  ≤ 1 s  two\n");
}

TEST(Table, ColourDoesNotCountAsWidth) {
  const Table table{{{"N", Align::left}, {"M", Align::left}}, {{{"ok", Colour::green}, {"x"}}, {{"failed"}, {"y"}}}};
  EXPECT_EQ(render_table(table, colours),
            "\033[1mN\033[0m       \033[1mM\033[0m\n\033[32mok\033[0m      x\nfailed  y\n");
}

TEST(Table, NoColourWithoutATerminalOrWithNoColor) {
  EXPECT_EQ(style_for(true, false).paint(Colour::red, "x"), "\033[31mx\033[0m");
  EXPECT_EQ(style_for(false, false).paint(Colour::red, "x"), "x");
  EXPECT_EQ(style_for(true, true).paint(Colour::red, "x"), "x");
}

TEST(Fit, CutsBetweenCharacters) {
  EXPECT_EQ(fit("abc", 3), "abc");
  EXPECT_EQ(fit("abcd", 3), "ab…");
  EXPECT_EQ(fit("äöü", 2), "ä…");
  EXPECT_EQ(fit("abc", 0), "");
  EXPECT_EQ(display_width("a → b"), 5U);
}

TEST(Errors, SayWhatWhereLeftNext) {
  const Error error{ErrorKind::refused, "tank/dex is not ours", "b: tank/dex", "nothing was changed", "choose another"};
  EXPECT_EQ(render_error(error, plain),
            "dugong: refused: tank/dex is not ours\n"
            "  where: b: tank/dex\n"
            "  left:  nothing was changed\n"
            "  next:  choose another\n");
}

TEST(Errors, LeaveOutWhatIsEmptyAndSayInterruptedOnce) {
  EXPECT_EQ(render_error({ErrorKind::failed, "no", {}, {}, {}}, plain), "dugong: failed: no\n");
  EXPECT_EQ(render_error({ErrorKind::interrupted, "interrupted", {}, {}, {}}, plain), "dugong: interrupted\n");
}

TEST(Errors, CannotDriveATerminal) {
  EXPECT_EQ(render_error({ErrorKind::failed, "\033[2Jx", {}, {}, {}}, plain), "dugong: failed: ?[2Jx\n");
}

TEST(Errors, ExitCodes) {
  const std::pair<ErrorKind, int> codes[] = {
      {ErrorKind::invalid, 2}, {ErrorKind::refused, 3}, {ErrorKind::conflict, 1},  {ErrorKind::unreachable, 1},
      {ErrorKind::failed, 1},  {ErrorKind::partial, 4}, {ErrorKind::timed_out, 5}, {ErrorKind::interrupted, 1}};
  for (const auto& [kind, code] : codes) EXPECT_EQ(exit_code(kind), code);
}

cluster::Plan some_plan() {
  cluster::Plan plan;
  plan.steps.push_back({"a", zfs::Create{"tank/a", {}}, "the prefix does not exist"});
  plan.steps.push_back(
      {"a", cluster::WriteFile{.path = "/srv/a/dugong.conf", .difference = {"+ work_mem = '64MB'", "- x = '1'"}}, ""});
  cluster::CopySnapshot copy;
  copy.from_node = "a";
  copy.send.snapshot = "tank/a/live-0@s";
  copy.receive.dataset = "tank/b/anchor-0";
  copy.expected = Bytes{3} << 30;
  plan.steps.push_back({"b", copy, ""});
  plan.steps.push_back({"b", zfs::Destroy{"tank/b/old"}, ""});
  plan.notes = {"a: unlogged tables are empty on replicas"};
  return plan;
}

TEST(ShowPlan, NumbersDifferencesBytesNotes) {
  const auto text = render_plan(some_plan(), Explain::no, plain);
  EXPECT_TRUE(text.starts_with("plan: 4 steps on 2 nodes\n  1  a: create dataset tank/a\n")) << text;
  EXPECT_NE(text.find("\n       + work_mem = '64MB'\n       - x = '1'\n"), std::string::npos) << text;
  EXPECT_NE(text.find("to be copied: about 3 GiB\n"), std::string::npos) << text;
  EXPECT_NE(text.find("note: a: unlogged tables are empty on replicas\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("because"), std::string::npos) << text;
  EXPECT_EQ(text.find("looks again"), std::string::npos) << text;
}

TEST(ShowPlan, MoreAndWhy) {
  auto plan = some_plan();
  plan.more = true;
  const auto text = render_plan(plan, Explain::yes, plain);
  EXPECT_NE(text.find("because: the prefix does not exist"), std::string::npos) << text;
  EXPECT_NE(text.find("part of the same consent"), std::string::npos) << text;
}

TEST(ShowPlan, SecretsAreNotShown) {
  cluster::Plan plan;
  plan.steps.push_back({"a", cluster::WriteFile{.path = "/srv/a/superuser.pass", .content = Secret{"hunter2"}}, ""});
  plan.steps.push_back({"a", cluster::SetPassword{.role = "repl", .password = Secret{"hunter2"}}, ""});
  EXPECT_EQ(render_plan(plan, Explain::yes, plain).find("hunter2"), std::string::npos);
}

TEST(ShowPlan, DestructiveStepsAreNamed) {
  EXPECT_EQ(destructive_steps(some_plan()), (std::vector<std::string>{"b: destroy dataset tank/b/old"}));
  EXPECT_EQ(bytes_to_copy(cluster::Plan{}), std::nullopt);
}

TEST(ShowPlan, ToldBeforeTheSnapshotIsTaken) {
  cluster::Plan plan;
  plan.steps.push_back({"a", cluster::TakeSnapshot{"tank/dex/live-0", "one", false, {}}, ""});
  plan.copied_later = Bytes{4} << 40;
  EXPECT_NE(render_plan(plan, Explain::no, plain).find("to be copied: about 4 TiB"), std::string::npos)
      << render_plan(plan, Explain::no, plain);
}

TEST(ShowPlan, LossesCountAParentOnce) {
  auto seen = cluster::testing::healthy();
  auto parent = cluster::testing::dataset("tank/b", {});
  parent.used = 3 << 20;
  auto child = cluster::testing::dataset("tank/b/live-0", {});
  child.used = 2 << 20;
  seen.nodes[1].storage.value = {parent, child};
  cluster::Plan plan;
  plan.steps.push_back({"b", zfs::Destroy{"tank/b/live-0"}, ""});
  plan.steps.push_back({"b", zfs::Destroy{"tank/b"}, ""});
  EXPECT_EQ(render_losses(plan, seen),
            "these datasets will be destroyed, with all snapshots of ours in them:\n"
            "  b: tank/b/live-0  2 MiB\n  b: tank/b  3 MiB\n  together 3 MiB\n");
  EXPECT_EQ(render_losses({}, seen), "no dataset will be destroyed\n");
  plan.steps = {{"b", cluster::RemoveDirectory{"/srv/b", {"bin", ".dugong"}, {"data"}}, ""}};
  EXPECT_EQ(render_losses(plan, seen),
            "no dataset will be destroyed\nof directories, what is named will be removed:\n"
            "  b: remove directory /srv/b with bin, .dugong, data\n");
}

TEST(ShowSpace, LargestPartFirstAndWhatCouldBeFreedLast) {
  cluster::testing::SpaceWorld world;
  using cluster::testing::G;
  world.storage("a").push_back(
      cluster::testing::with_parts("tank/a/aside-1", cluster::testing::marks_of("a", "aside"), {.head = 7 * G}));
  world.at("a", "tank/a").used += 7 * G;
  EXPECT_EQ(
      render_space("dex", {world.space("a")}, plain),
      "dex\n"
      "\n"
      "a: pool tank, 950 GiB for datasets of 1000 GiB on its disks, where 700 GiB are free\n"
      "  PART           BYTES   SHARE  WHAT\n"
      "  available    650 GiB  68.4 %  to any new dataset\n"
      "  others       161 GiB  16.9 %  outside of tank/a\n"
      "  live data    100 GiB  10.5 %  tank/a/live-0\n"
      "  WAL archive   20 GiB   2.1 %  tank/a/archive\n"
      "  bases         10 GiB   1.1 %  tank/a/live-0@1 (alone 10 GiB)\n"
      "  asides         7 GiB   0.7 %  tank/a/aside-1\n"
      "  reserved       2 GiB   0.2 %  tank/a/live-0\n"
      "  base tank/a/live-0@1: for b, c, 10 d 00 h old, pins 10 GiB\n"
      "  bases pin 10 GiB; base_budget is 238 GiB (25 % of the pool)\n"
      "  bases pin about 1 GiB more each day, and with what the live data takes the pool is full in about 14 months\n"
      "  could be freed:\n"
      "    7 GiB  tank/a/aside-1: it was set aside, and nothing uses it; `zfs destroy -r tank/a/aside-1`\n");
}

TEST(ShowSpace, OverBudgetSaysWhatWouldHelp) {
  cluster::testing::SpaceWorld world;
  world.spec.nodes[1].base_budget = {.bytes = cluster::testing::G, .percent = 0};
  const auto text = render_space("dex", {world.space("b")}, plain);
  EXPECT_NE(text.find("  bases pin 25 GiB; base_budget is 1 GiB\n"), std::string::npos) << text;
  EXPECT_NE(text.find("b should be cloned again from a newer snapshot"), std::string::npos) << text;
  EXPECT_NE(text.find("docs/space.md"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("  nothing is seen that could be freed\n")) << text;
}

TEST(ShowSpace, UnknownIsAQuestionMarkNeverAZero) {
  cluster::testing::SpaceWorld world;
  world.node("a").pool.value->used.reset();
  world.node("b").host = cluster::testing::missing<cluster::Host>(ErrorKind::unreachable, "gone");
  const auto text = render_space("dex", {world.space("a"), world.space("b")}, plain);
  EXPECT_NE(text.find("a: pool tank, ? for datasets"), std::string::npos) << text;
  EXPECT_NE(text.find("  available          ?      ?  to any"), std::string::npos) << text;
  EXPECT_NE(text.find("\nb: cannot be reached: gone\n"), std::string::npos) << text;
}

TEST(ShowStatus, HealthyCluster) {
  const auto status = report::judge_status(cluster::testing::three_nodes(), cluster::testing::healthy(), {});
  EXPECT_EQ(render_status(status, plain),
            "dex: healthy\n\n"
            "NODE  ROLE     HEALTH   TL  LSN         LAG  LAG-TIME  SLOT    BASE-AGE  PINNED\n"
            "a     primary  healthy   3  0/20000000    -         -  -              -     0 B\n"
            "b     replica  healthy   3  0/20000000  0 B       0 s  active         ?     0 B\n"
            "c     replica  healthy   3  0/20000000  0 B       0 s  active         ?     0 B\n");
}

TEST(ShowStatus, UnknownIsAQuestionMarkNeverAZero) {
  auto seen = cluster::testing::healthy();
  seen.nodes[1].host = cluster::testing::missing<cluster::Host>(ErrorKind::unreachable, "ssh: no route");
  seen.nodes[1].sql = cluster::testing::missing<postgres::ServerSql>(ErrorKind::unreachable, "ssh: no route");
  seen.nodes[2].sql.value->streaming = false;
  const auto text = render_status(report::judge_status(cluster::testing::three_nodes(), seen, {}), plain);
  EXPECT_NE(text.find("b     replica  unknown    ?  ?             ?         ?  active  "), std::string::npos) << text;
  EXPECT_NE(text.find("0/20000000    ?  ≤ 12.5 s"), std::string::npos) << text;
  EXPECT_NE(text.find("\n  b: cannot be reached: ssh: no route\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\n  c: does not stream from b\n"), std::string::npos) << text;
}

TEST(ShowChecks, CountsAndKeepsOneLineEach) {
  const std::vector<report::Check> checks{{"streaming", "b", report::Verdict::ok, "fine"},
                                          {"content", "b", report::Verdict::skipped, "2 GiB\nis more"},
                                          {"clock", "b", report::Verdict::failed, "+3 s"}};
  EXPECT_EQ(render_checks(checks, plain),
            "RESULT   NODE  CHECK      EVIDENCE\n"
            "ok       b     streaming  fine\n"
            "skipped  b     content    2 GiB is more\n"
            "failed   b     clock      +3 s\n"
            "\n1 ok, 1 failed, 1 skipped\n");
}

TransferProgress transfer(Bytes done, std::optional<Bytes> total) {
  return {.text = "a → b",
          .done = done,
          .total = total,
          .bytes_per_second = 100.0 * 1024 * 1024,
          .eta_seconds = total ? std::optional{12.0} : std::nullopt};
}

TEST(LiveLine, Transfer) {
  EXPECT_EQ(live_line(transfer(Bytes{1} << 30, Bytes{4} << 30), 200),
            "a → b  [=====>              ]  25 %  1 GiB of about 4 GiB  100 MiB/s  12 s left");
  EXPECT_EQ(live_line(transfer(Bytes{1} << 30, std::nullopt), 200), "a → b  1 GiB  100 MiB/s");
  EXPECT_EQ(display_width(live_line(transfer(1, 2), 20)), 20U);
}

TEST(LiveLine, AnEstimateThatWasTooLowIsNotDoneYet) {
  EXPECT_NE(live_line(transfer(Bytes{5} << 30, Bytes{4} << 30), 200).find("  99 %"), std::string::npos);
}

struct Watched {
  std::ostringstream text;
  Progress progress;
  explicit Watched(ProgressMode mode) : progress{text, mode, 80, plain} {}
  std::string show(const Event& event, double seconds = 0) {
    text.str("");
    progress.show(event, at(seconds));
    return text.str();
  }
};

TEST(Progress, Plain) {
  Watched w{ProgressMode::plain};
  EXPECT_EQ(w.show(StepStarted{3, 12, "b: clone x as y"}), "[ 3/12] b: clone x as y\n");
  EXPECT_EQ(w.show(StepDone{3, 12, "b: clone x as y", 0.3, {}}), "");
  EXPECT_EQ(w.show(StepDone{4, 12, "b: wait", 7, {}}), "[ 4/12] b: wait (7 s): done\n");
  EXPECT_EQ(w.show(transfer(1 << 20, std::nullopt), 0), "");
  EXPECT_EQ(w.show(transfer(2 << 20, std::nullopt), 9.9), "");
  EXPECT_EQ(w.show(transfer(3 << 20, std::nullopt), 10), "  a → b  3 MiB  100 MiB/s\n");
  EXPECT_EQ(w.show(transfer(4 << 20, std::nullopt), 11), "");
  EXPECT_EQ(w.show(Note{"hm"}), "note: hm\n");
  EXPECT_EQ(w.show(Warning{"oh"}), "warning: oh\n");
  EXPECT_EQ(w.progress.steps_done(), 2U);
}

TEST(Progress, TtyKeepsOneLiveLine) {
  Watched w{ProgressMode::tty};
  EXPECT_EQ(w.show(StepStarted{1, 2, "b: x"}), "\r\033[K[1/2] b: x …");
  EXPECT_EQ(w.show(WaitProgress{"b: starting", "redo 0/1"}, 1), "\r\033[Kb: starting: redo 0/1");
  EXPECT_EQ(w.show(WaitProgress{"b: starting", "redo 0/2"}, 1.05), "");  // too soon to be seen
  EXPECT_EQ(w.show(StepDone{1, 2, "b: x", 2.5, {}}, 2), "\r\033[K[1/2] b: x (2.5 s)\n");
  EXPECT_EQ(w.show(Note{"hm"}, 3), "note: hm\n");
}

TEST(Progress, JsonIsOneObjectPerLine) {
  Watched w{ProgressMode::json};
  EXPECT_EQ(w.show(StepStarted{1, 2, "b: x"}), R"({"event":"step_started","number":1,"total":2,"text":"b: x"})"
                                               "\n");
}

TEST(Progress, QuietStillWarns) {
  Watched w{ProgressMode::quiet};
  EXPECT_EQ(w.show(StepStarted{1, 2, "b: x"}), "");
  EXPECT_EQ(w.show(Note{"hm"}), "");
  EXPECT_EQ(w.show(Warning{"oh"}), "warning: oh\n");
}

TEST(Progress, AutomaticIsTtyOnATerminalOnly) {
  EXPECT_EQ(settle(ProgressMode::automatic, true), ProgressMode::tty);
  EXPECT_EQ(settle(ProgressMode::automatic, false), ProgressMode::plain);
  EXPECT_EQ(settle(ProgressMode::json, true), ProgressMode::json);
}

}  // namespace
}  // namespace dugong::cli
