// A look at a node whose container engine or process list does not answer: the server's own socket still does.
#include <gtest/gtest.h>

#include "cluster/plan_up.h"
#include "engine/engine.h"
#include "report/health.h"
#include "test/sim/kit.h"

namespace dugong::sim {
namespace {

struct Look {
  World world{{.seed = 1, .secrets = {"sup3r", "mirr0r"}}};
  spec::Spec spec = kit::one_node();
  std::unique_ptr<node::Fleet> fleet = world.new_controller();
  SimClock clock{world};
  engine::Context context{spec, *fleet, clock, [](const Event&) {}, {}, "test"};

  Look() {
    EXPECT_TRUE(engine::lock_all(context));
    EXPECT_TRUE(
        engine::converge(context, [&](const cluster::Observed& seen) { return cluster::plan_up(spec, seen, {}); }));
  }
  enum class Socket { yes, no };
  cluster::Observed answering(Socket socket) {
    world.set_fault([socket](const std::string&, const node::Request& request) -> std::optional<Error> {
      if (std::holds_alternative<runtime::InspectServer>(request))
        return Error{ErrorKind::failed, "is the docker daemon running?", "a", {}, {}};
      if (socket == Socket::no && std::holds_alternative<node::RunSql>(request))
        return Error{ErrorKind::failed, "nobody listens", "a", {}, {}};
      return std::nullopt;
    });
    return engine::observe(context, engine::Depth::status);
  }
};

TEST(Observe, AServerThatAnswersIsNotDownBecauseDockerIs) {
  Look look;
  const auto seen = look.answering(Look::Socket::yes);
  ASSERT_TRUE(seen.nodes[0].sql) << seen.nodes[0].sql.error.what;
  const auto status = report::judge_status(look.spec, seen, {});
  EXPECT_EQ(to_string(status.nodes[0].health), "degraded");
  EXPECT_EQ(to_string(status.verdict), "degraded");
}

TEST(Observe, WhereNothingAnswersItIsUnknownAndDockerIsTheReason) {
  Look look;
  const auto seen = look.answering(Look::Socket::no);
  ASSERT_FALSE(seen.nodes[0].sql);
  EXPECT_EQ(seen.nodes[0].sql.error.what, "is the docker daemon running?");
  EXPECT_EQ(to_string(report::judge_status(look.spec, seen, {}).nodes[0].health), "unknown");
}

}  // namespace
}  // namespace dugong::sim
