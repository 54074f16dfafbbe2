#include "engine/check.h"

#include <thread>

#include "engine/door.h"

namespace dugong::engine {
namespace {

// A packet that a firewall drops is sent again after one second (Linux: TCP_TIMEOUT_INIT).
constexpr std::uint32_t patience_ms = 1'500;

template <class Question>
auto sample_of(Context& context, const std::string& node, Question question) {
  auto answer = ask(context, node, std::move(question), quick);
  cluster::Sample<typename Question::Answer> sample;
  sample.taken_at = context.clock.now();
  if (answer)
    sample.value = std::move(*answer);
  else
    sample.error = std::move(answer).error();
  return sample;
}

node::ProbeLogin login_at(const spec::Spec& spec, const spec::Node& to) {
  node::ProbeLogin probe;
  probe.to_address = to.address;
  probe.port = to.port;
  probe.user = spec.auth.replication_user;
  probe.patience = patience_ms;
  return probe;
}

// Filled in beforehand, so that every thread has a place of its own.
void start_trying(Context& context, report::Tried& tried, std::vector<std::jthread>& threads) {
  const auto& spec = context.spec;
  for (const auto& from : spec.nodes) {
    for (const auto& to : spec.nodes) {
      if (from.name == to.name) continue;
      auto& place = tried.logins[{from.name, to.name}];
      threads.emplace_back([&] { place = sample_of(context, from.name, login_at(spec, to)); });
    }
    if (cluster::runtime_kind(spec) != runtime::Kind::compose) continue;
    auto& place = tried.engines[from.name];
    threads.emplace_back([&] { place = sample_of(context, from.name, runtime::InspectEngine{}); });
  }
}

}  // namespace

Checked look_and_try(Context& context) {
  Checked checked;
  {
    std::vector<std::jthread> threads;
    start_trying(context, checked.tried, threads);
    checked.seen = observe(context, Depth::full);
  }
  return checked;
}

}  // namespace dugong::engine
