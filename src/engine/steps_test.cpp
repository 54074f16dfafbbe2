// What a copy is judged by: the receiver's list first, then the copy's own words.
#include "engine/steps.h"

#include <gtest/gtest.h>

#include "engine/clock.h"

namespace dugong::engine {
namespace {

class OneAnswer final : public node::Node, public node::Fleet {
 public:
  OneAnswer(Result<node::Answer> listed, Result<node::CopyResult> copied)
      : listed_{std::move(listed)}, copied_{std::move(copied)} {}
  Result<node::Answer> call(const node::Request&, Deadline, std::stop_token) override { return listed_; }
  Result<node::Node*> node(const std::string&) override { return this; }
  Result<node::CopyResult> copy(const node::CopyRequest&, const node::CopyProgress&, Deadline,
                                std::stop_token) override {
    return copied_;
  }

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

std::string outcome(Result<node::Answer> listed, Result<node::CopyResult> copied) {
  OneAnswer fleet{std::move(listed), std::move(copied)};
  const spec::Spec spec;
  SystemClock clock;
  Context context{.spec = spec, .fleet = fleet, .clock = clock, .emit = [](const Event&) {}, .stop = {}, .holder = {}};
  spec::Node node;
  node.name = "b";
  const auto done = copy_snapshot(context, node, {"a", {"tank/a@s", ""}, {"tank/b/anchor-0"}, wanted, 0});
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

}  // namespace
}  // namespace dugong::engine
