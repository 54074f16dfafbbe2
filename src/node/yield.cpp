#include "node/yield.h"

#include <utility>

#include "os/clock.h"

namespace dugong::node {
namespace {

constexpr std::size_t commits_at_once = 5;  // on one connection
constexpr Millis between{150};
constexpr Millis hopeless{3'000};  // a server that takes longer for these is slow enough

}  // namespace

Yielding::Yielding(Node& sender, Yield yield, transfer::Pace& pace, const std::stop_token& stop)
    : sender_{sender}, yield_{std::move(yield)}, pace_{pace}, governor_{{.wanted = yield_.commit_latency}} {
  learn(0, stop);
  thread_ = std::jthread{[this](const std::stop_token& over) { govern(over); }};
}

Result<std::vector<Yielding::Seconds>> Yielding::time_commits(const std::stop_token& stop) {
  RunSql question{yield_.server, {{"prepare_commit", {}}}};
  question.calls.insert(question.calls.end(), commits_at_once, SqlCall{"commit", {}});
  auto answer = ask(sender_, std::move(question), os::deadline_in(hopeless), stop);
  if (!answer) {
    if (answer.error().kind == ErrorKind::timed_out) return std::vector<Seconds>(commits_at_once, hopeless);
    return fail(std::move(answer).error());
  }
  std::vector<Seconds> commits;
  for (const auto& call : answer->calls) {
    for (const auto& result : call) {
      if (!result.ok()) return fail(ErrorKind::failed, result.message);
      if (&call != &answer->calls.front()) commits.emplace_back(result.seconds);
    }
  }
  if (commits.empty()) return fail(ErrorKind::unreachable, answer->message);
  return commits;
}

void Yielding::learn(double moved, const std::stop_token& stop) {
  if (const auto commits = time_commits(stop)) pace_.set(governor_.learn(*commits, moved));
}

void Yielding::govern(const std::stop_token& stop) {
  auto began = os::now();
  auto before = pace_.count().bytes;
  while (os::sleep_for(between, stop) == os::Slept::whole) {
    const auto now = os::now();
    const auto bytes = pace_.count().bytes;
    learn(static_cast<double>(bytes - before) / Seconds{now - began}.count(), stop);
    before = bytes;
    began = now;
  }
}

}  // namespace dugong::node
