// The proof of the archive waits for its turn behind a backlog, however long that takes, but not for an archiver that
// stands still.
#include <gtest/gtest.h>

#include "engine/engine.h"
#include "engine/steps.h"
#include "test/sim/kit.h"
#include "test/sim/parts.h"

namespace dugong::sim {
namespace {

// A primary whose archive takes nothing: its directory does not say whose it is.
struct Backlog {
  kit::Kit kit;
  spec::Spec spec;
  std::string identity;

  Backlog() {
    kit::make_primary(kit, "a");
    kit.must("a", node::MakeDirectory{"/srv/a/secrets", 0700, 0, 0});
    kit.write("a", "/srv/a/secrets/superuser.pass", "secret\n");
    identity = to_string(kit::observed(kit, "a").system_identifier) + "\n";
    spec::Node node;
    node.name = "a";
    node.directory = "/srv/a";
    node.port = 5432;
    spec.nodes.push_back(node);
  }

  // Until `length` has passed `others` segments are archived between two looks for the one that was switched.
  Result<std::string> prove(Millis length, std::int64_t others) {
    const auto until = kit.world.now() + length;
    kit.world.set_fault([&, until](const std::string&, const node::Request& request) -> std::optional<Error> {
      const auto* digest = std::get_if<node::DigestFile>(&request);
      if (digest == nullptr || !digest->path.starts_with("/srv/a/archive/")) return std::nullopt;
      kit.world.server_on("a")->archived_count += others;
      Entry entry;
      entry.content = identity;
      if (kit.world.now() >= until) {
        EXPECT_TRUE(write_file(kit.world.host("a"), "/srv/a/archive/.system_identifier", entry));
      }
      return std::nullopt;
    });
    SimClock clock{kit.world};
    engine::Context context{spec, *kit.fleet, clock, [](const Event&) {}, {}, "test"};
    return engine::switch_and_compare(context, spec.nodes[0], "/srv/a/data/pg_wal", "/srv/a/archive");
  }
};

TEST(ProveArchive, WaitsForItsTurnBehindABacklog) {
  Backlog backlog;
  const auto done = backlog.prove(Millis{240'000}, 1);
  EXPECT_TRUE(done) << done.error().what;
}

TEST(ProveArchive, DoesNotWaitForAnArchiverThatStandsStill) {
  Backlog backlog;
  const auto done = backlog.prove(Millis{240'000}, 0);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::timed_out);
  EXPECT_NE(done.error().what.find("is not in the archive yet"), std::string::npos) << done.error().what;
}

}  // namespace
}  // namespace dugong::sim
