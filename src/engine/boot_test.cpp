// What the simulation cannot show of a boot: a node at which somebody else is at work, and what fails in between.
#include "engine/boot.h"

#include <gtest/gtest.h>

#include "engine/clock.h"

namespace dugong::engine {
namespace {

using Lasts = cluster::BootRefusal::Lasts;

cluster::BootRecord a_record() {
  cluster::BootRecord record{.cluster = "dex", .node = "b", .prefix = "tank/dex", .system_identifier = SystemId{7}};
  record.server.data = "/srv/b/data";
  return record;
}

// A standby that may start, save for what a test makes of it.
class Machine final : public node::Node {
 public:
  std::string holder;  // of the lock; empty: nobody
  bool mounted = true;
  Error mount_fails{ErrorKind::failed, {}, {}, {}, {}};
  Error start_fails{ErrorKind::failed, {}, {}, {}, {}};
  int starts = 0;
  int looks = 0;

  Result<node::Answer> call(const node::Request& request, Deadline, std::stop_token) override {
    if (std::holds_alternative<node::AcquireLock>(request))
      return node::AcquireLock::Answer{.acquired = holder.empty(), .holder = holder};
    if (std::holds_alternative<zfs::InspectPool>(request)) return zfs::Pool{};
    if (std::holds_alternative<zfs::ListTree>(request)) return datasets();
    if (std::holds_alternative<runtime::InspectServer>(request)) return runtime::ServerFacts{};
    if (std::holds_alternative<node::InspectData>(request)) return data();
    if (std::holds_alternative<zfs::Mount>(request)) return mount();
    if (std::holds_alternative<runtime::StartServer>(request)) return start();
    return fail(ErrorKind::failed, "not asked for in this test");
  }

 private:
  std::vector<zfs::Dataset> datasets() {
    ++looks;
    zfs::Dataset parent;
    parent.name = "tank/dex";
    parent.ours = {{"cluster", "dex"}, {"node", "b"}, {"role", "parent"}};
    auto live = parent;
    live.name = "tank/dex/live-0";
    live.ours["role"] = "live";
    live.ours["state"] = "ready";
    live.mountpoint = "/srv/b/data";
    live.mounted = mounted;
    return {parent, live};
  }
  static postgres::DataFacts data() {
    postgres::DataFacts data{.exists = true, .empty = false, .version = "17"};
    data.control = postgres::ControlData{};
    data.control->system_identifier = SystemId{7};
    data.entries = {"standby.signal"};
    return data;
  }
  Result<node::Answer> mount() {
    if (!mount_fails.what.empty()) return fail(Error{mount_fails});
    return Done{};
  }
  Result<node::Answer> start() {
    ++starts;
    if (!start_fails.what.empty()) return fail(Error{start_fails});
    return Done{};
  }
};

BootOutcome run(Machine& machine) {
  SystemClock clock;
  BootContext context{
      .node = machine, .clock = clock, .tell = [](const std::string&) {}, .stop = {}, .holder = "dugong node start"};
  return boot(context, a_record());
}

cluster::BootRefusal refusal(Machine& machine) {
  auto outcome = run(machine);
  auto* refused = std::get_if<cluster::BootRefusal>(&outcome);
  EXPECT_NE(refused, nullptr);
  return refused == nullptr ? cluster::BootRefusal{} : std::move(*refused);
}

TEST(Boot, StartsOnce) {
  Machine machine;
  EXPECT_TRUE(std::holds_alternative<Booted>(run(machine)));
  EXPECT_EQ(machine.starts, 1);
}

TEST(Boot, WhereAnotherDugongIsAtWorkNothingIsLookedAt) {
  Machine machine;
  machine.holder = "dugong up, root@ops, pid 7";
  const auto busy = refusal(machine);
  EXPECT_EQ(busy.code, "busy");
  EXPECT_EQ(busy.lasts, Lasts::for_now);
  EXPECT_EQ(busy.error.what, "another dugong is at work here: dugong up, root@ops, pid 7");
  EXPECT_EQ(machine.looks, 0);
}

TEST(Boot, AMountThatFailsIsTriedAgainLater) {
  Machine machine;
  machine.mounted = false;
  machine.mount_fails.what = "cannot mount 'tank/dex/live-0': encryption key not loaded";
  const auto refused = refusal(machine);
  EXPECT_EQ(refused.code, "not-mounted");
  EXPECT_EQ(refused.lasts, Lasts::for_now);
  EXPECT_EQ(refused.error.what, machine.mount_fails.what);
  EXPECT_EQ(machine.starts, 0);
}

// zfs said yes, and the dataset is still not there: no reason to go on for ever, and none to start.
TEST(Boot, AMountWithoutEffectEnds) {
  Machine machine;
  machine.mounted = false;
  const auto refused = refusal(machine);
  EXPECT_EQ(refused.code, "unsettled");
  EXPECT_EQ(machine.starts, 0);
}

TEST(Boot, AStartThatFailsSaysWhy) {
  Machine machine;
  machine.start_fails.what = "docker: Cannot connect to the Docker daemon";
  const auto refused = refusal(machine);
  EXPECT_EQ(refused.code, "not-started");
  EXPECT_EQ(refused.lasts, Lasts::for_now);
  EXPECT_EQ(refused.error.left, "the server does not run");
}

}  // namespace
}  // namespace dugong::engine
