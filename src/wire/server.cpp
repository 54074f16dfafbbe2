#include "wire/server.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "base/text.h"
#include "os/clock.h"
#include "wire/duplex.h"

namespace dugong::wire {
namespace {

constexpr std::size_t max_waiting = 64;  // a client sends 16; cancelled ones may still be ending
constexpr Millis progress_interval{100};

struct Job {
  std::uint64_t id = 0;
  Ask ask;
  std::stop_source stop;
  std::atomic<bool> overdue{false};  // stopped by its deadline
};
using JobPointer = std::shared_ptr<Job>;

// Shared with the handlers' threads, which may outlive serve() when a handler ignores its stop.
class Serving : public std::enable_shared_from_this<Serving> {
 public:
  Serving(Link link, Handler handler, const ServerOptions& options)
      : handler_{std::move(handler)}, options_{options}, duplex_{std::move(link), options.timing} {}

  Result<void> run(const std::stop_token& stop);

 private:
  Result<void> on_frame(Frame frame);
  Result<void> on_ask(Frame frame);
  Result<void> accept(JobPointer job);
  void on_cancel(std::uint64_t id);
  void on_end(const Ending& ending);

  void wait_for_end(const std::stop_token& stop);
  Steady::time_point stop_overdue();
  std::string wait_for_handlers();

  void work();
  void perform(Job& job);
  Result<std::string> handle(Job& job);
  void send_answer(Job& job, std::string_view body);
  void send_error(std::uint64_t id, const Error& error);

  Handler handler_;
  ServerOptions options_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::uint64_t, JobPointer> partial_;  // asks whose body is still coming
  std::map<std::uint64_t, JobPointer> active_;   // waiting or running
  std::deque<JobPointer> waiting_;
  std::size_t threads_ = 0;
  std::optional<Ending> ending_;
  Duplex duplex_;  // last: its threads use the rest
};

Result<void> Serving::on_frame(Frame frame) {
  switch (frame.header.kind) {
    case Kind::ask:
      return on_ask(std::move(frame));
    case Kind::cancel:
      on_cancel(frame.header.id);
      return {};
    case Kind::hello:
    case Kind::answer:
    case Kind::error:
    case Kind::data:
    case Kind::end:
    case Kind::beat:
    case Kind::progress:
    case Kind::unknown:
      return {};
  }
  return {};
}

Result<void> Serving::on_ask(Frame frame) {
  const std::lock_guard lock{mutex_};
  const std::uint64_t id = frame.header.id;
  auto found = partial_.find(id);
  if (found == partial_.end()) {
    if (active_.contains(id)) return fail(ErrorKind::unreachable, "the same request number twice");
    if (active_.size() + partial_.size() >= max_waiting)
      return fail(ErrorKind::unreachable, "too many requests at once");
    auto job = std::make_shared<Job>();
    job->id = id;
    job->ask.name = frame.header.name;
    if (frame.header.remaining) job->ask.deadline = os::deadline_in(*frame.header.remaining);
    found = partial_.emplace(id, std::move(job)).first;
  }
  JobPointer job = found->second;
  if (job->ask.body.size() + frame.body.size() > options_.max_ask) {
    partial_.erase(found);
    const std::string what = "a request larger than " + human_bytes(options_.max_ask);
    send_error(id, Error{ErrorKind::invalid, what, {}, {}, {}});
    return fail(ErrorKind::unreachable, what);
  }
  job->ask.body += frame.body;
  if (frame.header.more == More::yes) return {};
  partial_.erase(found);
  return accept(std::move(job));
}

// With the mutex held.
Result<void> Serving::accept(JobPointer job) {
  active_[job->id] = job;
  waiting_.push_back(std::move(job));
  if (threads_ < max_calls) {
    ++threads_;
    std::thread{[self = shared_from_this()] { self->work(); }}.detach();
  }
  changed_.notify_all();
  return {};
}

void Serving::on_cancel(std::uint64_t id) {
  const std::lock_guard lock{mutex_};
  partial_.erase(id);
  const auto found = active_.find(id);
  if (found != active_.end()) found->second->stop.request_stop();
}

void Serving::on_end(const Ending& ending) {
  const std::lock_guard lock{mutex_};
  ending_ = ending;
  for (auto& [id, job] : active_) job->stop.request_stop();
  changed_.notify_all();
}

void Serving::work() {
  std::unique_lock lock{mutex_};
  while (!waiting_.empty()) {
    const JobPointer job = waiting_.front();
    waiting_.pop_front();
    lock.unlock();
    perform(*job);
    lock.lock();
    active_.erase(job->id);
    changed_.notify_all();
  }
  --threads_;
  changed_.notify_all();
}

Result<std::string> Serving::handle(Job& job) {
  auto last = os::now() - progress_interval;
  const ProgressSink sink = [&](const Progress& progress) {
    if (os::now() - last < progress_interval) return;
    last = os::now();
    Header header;
    header.kind = Kind::progress;
    header.id = job.id;
    header.progress = progress;
    duplex_.send_small(header);
  };
  try {
    return handler_(job.ask, job.stop.get_token(), sink);
  } catch (const std::exception& exception) {
    return fail(ErrorKind::failed,
                "the request '" + printable(job.ask.name) + "' broke down: " + printable(exception.what()));
  }
}

void Serving::perform(Job& job) {
  if (job.stop.stop_requested()) {
    send_error(job.id, Error{ErrorKind::interrupted, "cancelled before it began", {}, {}, {}});
    return;
  }
  const auto result = handle(job);
  if (result) {
    send_answer(job, *result);
    return;
  }
  Error error = result.error();
  if (job.overdue && error.kind == ErrorKind::interrupted) error.kind = ErrorKind::timed_out;
  send_error(job.id, error);
}

void Serving::send_answer(Job& job, std::string_view body) {
  Header header;
  header.kind = Kind::answer;
  header.id = job.id;
  do {
    const auto part = body.substr(0, max_body);
    body.remove_prefix(part.size());
    header.more = body.empty() ? More::no : More::yes;
    // Fails only when the caller has cancelled or is gone: then nobody waits for the rest.
    if (!duplex_.send(header, part, Deadline{}, job.stop.get_token())) return;
  } while (!body.empty());
}

void Serving::send_error(std::uint64_t id, const Error& error) {
  Header header;
  header.kind = Kind::error;
  header.id = id;
  header.error = error;
  duplex_.send_small(header);
}

// With the mutex held. When to look again.
Steady::time_point Serving::stop_overdue() {
  auto next = bounded({});
  for (auto& [id, job] : active_) {
    if (job->stop.stop_requested()) continue;
    if (job->ask.deadline.passed(os::now())) {
      job->overdue = true;
      job->stop.request_stop();
    } else {
      next = std::min(next, job->ask.deadline.at);
    }
  }
  return next;
}

void Serving::wait_for_end(const std::stop_token& stop) {
  std::unique_lock lock{mutex_};
  while (!ending_ && !stop.stop_requested()) {
    const auto next = stop_overdue();
    bool woken = false;
    changed_.wait_until(lock, stop, next, [&] { return std::exchange(woken, true); });
  }
  for (auto& [id, job] : active_) job->stop.request_stop();
}

// The names of those that did not end.
std::string Serving::wait_for_handlers() {
  std::unique_lock lock{mutex_};
  changed_.wait_for(lock, options_.handlers_grace, [&] { return active_.empty() && threads_ == 0; });
  std::vector<std::string> names;
  for (const auto& [id, job] : active_) names.push_back(printable(job->ask.name));
  return join(names, ", ");
}

Result<void> Serving::run(const std::stop_token& stop) {
  // Raw: the threads of the duplex end before run() does.
  duplex_.start([this](Frame frame) { return on_frame(std::move(frame)); },
                [this](const Ending& ending) { on_end(ending); });
  wait_for_end(stop);
  const std::string stubborn = wait_for_handlers();
  if (stop.stop_requested()) duplex_.flush(options_.timing.farewell);
  duplex_.stop();
  if (!stubborn.empty()) {
    return fail(ErrorKind::timed_out, "requests that ignored their stop: " + stubborn);
  }
  const std::lock_guard lock{mutex_};
  if (ending_->cause == Cause::closed_by_peer) return {};
  return fail(ending_->error);
}

}  // namespace

Result<void> serve(Link link, Handler handler, const std::stop_token& stop, ServerOptions options) {
  return std::make_shared<Serving>(std::move(link), std::move(handler), options)->run(stop);
}

}  // namespace dugong::wire
