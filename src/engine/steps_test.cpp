// What a copy is judged by: the receiver's list first, then the copy's own words.
#include "engine/steps.h"

#include <gtest/gtest.h>

#include "engine/clock.h"
#include "engine/door.h"

namespace dugong::engine {
namespace {

class OneAnswer final : public node::Node, public node::Fleet {
 public:
  OneAnswer(Result<node::Answer> listed, Result<node::CopyResult> copied)
      : listed_{std::move(listed)}, copied_{std::move(copied)} {}
  Result<node::Answer> call(const node::Request& request, Deadline, std::stop_token) override {
    const auto* set = std::get_if<zfs::SetProperties>(&request);
    if (set == nullptr) return listed_;
    marks[set->name] = set->properties;
    return node::Answer{Done{}};
  }
  Result<node::Node*> node(const std::string&) override { return this; }
  Result<node::CopyResult> copy(const node::CopyRequest& request, const node::CopyProgress&, Deadline,
                                std::stop_token) override {
    yield = request.yield;
    return copied_;
  }

  std::optional<node::Yield> yield;
  std::map<std::string, zfs::Properties> marks;

 private:
  Result<node::Answer> listed_;
  Result<node::CopyResult> copied_;
};

constexpr Guid wanted{42};

Result<node::Answer> lists(Guid guid) {
  zfs::Dataset snapshot;
  snapshot.name = "tank/b/anchor-0@s";
  snapshot.is_snapshot = true;
  snapshot.guid = guid;
  return node::Answer{std::vector<zfs::Dataset>{snapshot}};
}
Result<node::Answer> cannot_be_asked() { return fail(ErrorKind::unreachable, "no answer from b"); }

spec::Spec of_three() {
  spec::Spec spec;
  spec.nodes.resize(3);
  spec.nodes[0].name = "a";
  spec.nodes[1].name = "b";
  spec.nodes[2].name = "c";
  spec.nodes[1].prefix = "tank/b";
  spec.nodes[1].follows = spec.nodes[2].follows = "a";
  return spec;
}

Result<> copy_to_b(OneAnswer& fleet, const spec::Spec& spec, const std::string& from) {
  SystemClock clock;
  Context context{.spec = spec, .fleet = fleet, .clock = clock, .emit = [](const Event&) {}, .stop = {}, .holder = {}};
  return copy_snapshot(context, spec.nodes[1], {from, {"tank/a@s", ""}, {"tank/b/anchor-0"}, wanted, 0});
}

std::string outcome(Result<node::Answer> listed, Result<node::CopyResult> copied) {
  OneAnswer fleet{std::move(listed), std::move(copied)};
  const auto done = copy_to_b(fleet, of_three(), "a");
  return done ? "done" : done.error().what;
}
Result<node::CopyResult> copied() { return node::CopyResult{10, 1}; }
Result<node::CopyResult> broken() { return fail(ErrorKind::failed, "the line broke"); }

TEST(CopySnapshot, IsDoneWhenTheReceiverListsIt) {
  EXPECT_EQ(outcome(lists(wanted), copied()), "done");
  EXPECT_EQ(outcome(lists(wanted), broken()), "done");
}
TEST(CopySnapshot, FailsInItsOwnWords) { EXPECT_EQ(outcome(lists(Guid{7}), broken()), "the line broke"); }
TEST(CopySnapshot, FailsInItsOwnWordsAlsoWhenTheReceiverIsGone) {
  EXPECT_EQ(outcome(cannot_be_asked(), broken()), "the line broke");
}
TEST(CopySnapshot, IsNotTrustedUnseen) {
  EXPECT_EQ(outcome(cannot_be_asked(), copied()), "no answer from b");
  EXPECT_NE(outcome(lists(Guid{7}), copied()).find("does not list"), std::string::npos);
}

TEST(CopySnapshot, RemembersHowFastItWas) {
  OneAnswer fleet{lists(wanted), node::CopyResult{.bytes = 600, .seconds = 3}};
  ASSERT_TRUE(copy_to_b(fleet, of_three(), "a"));
  EXPECT_EQ(fleet.marks, (std::map<std::string, zfs::Properties>{{"tank/b", {{"dugong:copy_rate", "200"}}}}));
  OneAnswer brief{lists(wanted), copied()};
  ASSERT_TRUE(copy_to_b(brief, of_three(), "a"));
  EXPECT_TRUE(brief.marks.empty()) << "a short copy measures how long it takes to begin one";
}

TEST(CopySnapshot, GivesWayToTheClientsOfThePrimary) {
  OneAnswer fleet{lists(wanted), copied()};
  auto spec = of_three();
  ASSERT_TRUE(copy_to_b(fleet, spec, "a"));
  ASSERT_TRUE(fleet.yield.has_value());
  EXPECT_EQ(fleet.yield->commit_latency, Millis{8});
  ASSERT_TRUE(copy_to_b(fleet, spec, "c"));
  EXPECT_FALSE(fleet.yield.has_value());  // nobody commits on a replica
  spec.seed.commit_latency = Millis{0};
  ASSERT_TRUE(copy_to_b(fleet, spec, "a"));
  EXPECT_FALSE(fleet.yield.has_value());
}

std::string created(const std::string& what, const std::string& sqlstate) {
  postgres::StatementResult refused;
  refused.sqlstate = sqlstate;
  refused.message = "no";
  node::RunSql::Answer answer;
  answer.connected = true;
  answer.calls = {{refused}};
  OneAnswer fleet{node::Answer{answer}, copied()};
  const auto spec = of_three();
  SystemClock clock;
  Context context{.spec = spec, .fleet = fleet, .clock = clock, .emit = [](const Event&) {}, .stop = {}, .holder = {}};
  const auto done = query(context, "a", "postgres", {what, {"dex"}}, quick);
  return done ? "done" : done.error().what;
}

// The server ends a statement whose client was killed.
TEST(Create, IsDoneWhenAnotherSessionDidItMeanwhile) {
  for (const auto* what : {"create_database", "create_extension", "create_replication_role"}) {
    for (const auto* sqlstate : {"23505", "42P04", "42710"}) EXPECT_EQ(created(what, sqlstate), "done") << what;
    EXPECT_NE(created(what, "42501"), "done") << what;
  }
  EXPECT_NE(created("set_verifier", "23505"), "done");
}

}  // namespace
}  // namespace dugong::engine
