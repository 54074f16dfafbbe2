#include <gtest/gtest.h>

#include "test/support/plans.h"

namespace dugong::cluster {
namespace {

// `up` failed after it had made b's slot.
Observed with_slot(const spec::Spec& spec) {
  auto seen = primary_only(spec);
  for (std::size_t i = 1; i < spec.nodes.size(); ++i)
    seen.nodes[0].sql.value->slots.push_back(slot(spec.nodes[i].name));
  return seen;
}

using Texts = std::vector<std::string>;

TEST(PlanAbandon, ASlotThatThisRunMadeIsDropped) {
  const auto spec = a_spec({"a", "b", "c"});
  const auto seen = with_slot(spec);
  EXPECT_EQ(texts(plan_abandon(spec, seen, {})), (Texts{"a: SQL: drop_slot dugong_b", "a: SQL: drop_slot dugong_c"}));
  EXPECT_EQ(texts(plan_abandon(spec, seen, {{}, {{"a", {"dugong_c"}}}})), Texts{"a: SQL: drop_slot dugong_b"});
  EXPECT_EQ(texts(plan_abandon(spec, seen, {{}, slots_by_node(seen)})), Texts{});
}

TEST(PlanAbandon, OfNodesThatWereNotNamedNothingIsTaken) {
  const auto spec = a_spec({"a", "b", "c"});
  EXPECT_EQ(texts(plan_abandon(spec, with_slot(spec), {{"c"}, {}})), Texts{"a: SQL: drop_slot dugong_c"});
}

TEST(PlanAbandon, AReplicaWhoseStorageIsNotSeenKeepsItsSlot) {
  const auto spec = a_spec();
  const Error gone{ErrorKind::conflict, "cannot open 'tank': no such pool", {}, {}, {}};
  auto seen = with_slot(spec);
  seen.nodes[1].storage = {.error = gone};
  EXPECT_EQ(texts(plan_abandon(spec, seen, {})), Texts{});
  seen = with_slot(spec);
  seen.nodes[1].pool = {.error = gone};
  EXPECT_EQ(texts(plan_abandon(spec, seen, {})), Texts{});
  seen = with_slot(spec);
  seen.nodes[1].storage.value->clear();  // another pool of that name, or a prefix that was changed in the file
  EXPECT_EQ(texts(plan_abandon(spec, seen, {})), Texts{});
}

// b has its data and lost its slot; the one that this run made begins after what b asks for.
TEST(PlanAbandon, ASlotThatCameTooLateForItsReplicaIsDropped) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  auto& upstream = *seen.nodes[0].sql.value;
  upstream.wal_segment_size = 16 << 20;
  upstream.slots[0].active = false;
  seen.nodes[1].sql.value->streaming = false;
  seen.nodes[1].sql.value->lsn = seen.nodes[1].sql.value->received = Lsn{0x1000000};
  EXPECT_EQ(texts(plan_abandon(spec, seen, {{}, {{"a", {}}}})), Texts{"a: SQL: drop_slot dugong_b"});
  EXPECT_EQ(texts(plan_abandon(spec, seen, {{}, slots_by_node(seen)})), Texts{});
  EXPECT_EQ(texts(plan_abandon(spec, seen, {})), Texts{});  // what was there before is not known
  upstream.slots[0].restart_lsn = Lsn{0x1000000};
  EXPECT_EQ(texts(plan_abandon(spec, seen, {{}, {{"a", {}}}})), Texts{});
}

TEST(PlanAbandon, AReplicaThatHasItsDataKeepsItsSlot) {
  const auto spec = a_spec();
  auto seen = settled(spec);
  seen.nodes[0].sql.value->slots[0].active = false;
  EXPECT_EQ(texts(plan_abandon(spec, seen, {})), Texts{});
}

}  // namespace
}  // namespace dugong::cluster
