#include "node/yield.h"

#include <utility>

#include "os/clock.h"

namespace dugong::node {
namespace {

constexpr std::size_t commits_at_once = 5;  // on one connection
constexpr Millis between{150};
constexpr Millis hopeless{3'000};  // a server that takes longer for these is slow enough

}  // namespace

Yielding::Yielding(Node& sender, Yield yield, transfer::Pace& pace)
    : sender_{sender}, yield_{std::move(yield)}, pace_{pace}, thread_{[this](const std::stop_token& stop) {
        govern(stop);
      }} {}

Result<std::vector<Yielding::Seconds>> Yielding::time_commits(const std::stop_token& stop) {
  RunSql question{yield_.server, {{"prepare_commit", {}}}};
  question.calls.insert(question.calls.end(), commits_at_once, SqlCall{"commit", {}});
  auto answer = ask(sender_, std::move(question), os::deadline_in(hopeless), stop);
  if (!answer) {
    if (answer.error().kind == ErrorKind::timed_out) return std::vector<Seconds>{hopeless};
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

void Yielding::govern(const std::stop_token& stop) {
  auto quiet = time_commits(stop);
  transfer::Governor governor{{.wanted = yield_.commit_latency}};
  if (quiet) {
    governor.quiet(*quiet);
    pace_.set(governor.rate());
  }
  auto before = pace_.count().bytes;
  for (auto began = os::now(); os::sleep_for(between, stop) == os::Slept::whole;) {
    const auto commits = time_commits(stop);
    const auto now = os::now();
    const auto bytes = pace_.count().bytes;
    if (commits)
      pace_.set(governor.learn(*commits, static_cast<double>(bytes - before) / Seconds{now - began}.count()));
    before = bytes;
    began = now;
  }
}

}  // namespace dugong::node
