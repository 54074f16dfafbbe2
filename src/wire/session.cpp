#include "wire/session.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>

#include "os/clock.h"
#include "wire/duplex.h"

namespace dugong::wire {
namespace {

struct Call {
  std::string answer;
  std::optional<Result<std::string>> result;
  std::optional<Progress> progress;  // not shown yet
};

}  // namespace

struct Session::State {
  // A call(), which the state must outlive.
  class Visit {
   public:
    explicit Visit(State& state) : state_{state} {
      const std::lock_guard lock{state_.mutex};
      ++state_.inside;
    }
    ~Visit() {
      const std::lock_guard lock{state_.mutex};
      --state_.inside;
      state_.changed.notify_all();
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

   private:
    State& state_;
  };

  State(Link link, SessionOptions options_in) : options{options_in}, duplex{std::move(link), options_in.timing} {}

  Result<std::uint64_t> take_turn(Deadline deadline, const std::stop_token& stop);
  Result<void> send_ask(std::uint64_t id, std::string_view name, std::string_view body, Deadline deadline,
                        const std::stop_token& stop);
  Result<std::string> await(std::uint64_t id, Deadline deadline, const std::stop_token& stop,
                            const ProgressSink& progress);
  Result<std::string> give_up(std::uint64_t id, ErrorKind kind, const char* why);
  void forget(std::uint64_t id);

  Result<void> on_frame(Frame frame);
  void take(std::uint64_t id, Call& call, Frame frame);
  void on_answer(std::uint64_t id, Call& call, Frame frame);
  void on_end(const Ending& ending);

  SessionOptions options;
  std::mutex mutex;
  std::condition_variable_any changed;
  std::map<std::uint64_t, Call> calls;
  std::uint64_t last_id = 0;
  std::size_t inside = 0;  // call()s that have not returned
  std::optional<Error> ended;
  Duplex duplex;  // last: its threads use the rest
};

Result<std::uint64_t> Session::State::take_turn(Deadline deadline, const std::stop_token& stop) {
  std::unique_lock lock{mutex};
  const auto free = [&] { return ended.has_value() || calls.size() < max_calls; };
  if (!changed.wait_until(lock, stop, bounded(deadline), free)) {
    if (stop.stop_requested()) return fail(ErrorKind::interrupted, "stopped before the request was sent");
    return fail(ErrorKind::timed_out, "the time was up before the request was sent: 16 others are under way");
  }
  if (ended) return fail(*ended);
  calls[++last_id];
  return last_id;
}

Result<void> Session::State::send_ask(std::uint64_t id, std::string_view name, std::string_view body, Deadline deadline,
                                      const std::stop_token& stop) {
  Header header;
  header.kind = Kind::ask;
  header.id = id;
  header.name = name;
  if (deadline.at != Steady::time_point::max()) header.remaining = deadline.remaining(os::now());
  do {
    const auto part = body.substr(0, max_body);
    body.remove_prefix(part.size());
    header.more = body.empty() ? More::no : More::yes;
    TRY(duplex.send(header, part, deadline, stop));
  } while (!body.empty());
  return {};
}

void Session::State::forget(std::uint64_t id) {
  calls.erase(id);
  changed.notify_all();
}

// With the mutex held.
Result<std::string> Session::State::give_up(std::uint64_t id, ErrorKind kind, const char* why) {
  Header cancel;
  cancel.kind = Kind::cancel;
  cancel.id = id;
  duplex.send_small(cancel);
  forget(id);
  return fail(kind, why);
}

Result<std::string> Session::State::await(std::uint64_t id, Deadline deadline, const std::stop_token& stop,
                                          const ProgressSink& progress) {
  std::unique_lock lock{mutex};
  Call& call = calls.at(id);
  const auto news = [&] { return call.result.has_value() || call.progress.has_value(); };
  for (;;) {
    const bool some = changed.wait_until(lock, stop, bounded(deadline), news);
    if (call.result) {
      auto result = *std::move(call.result);
      forget(id);
      return result;
    }
    if (stop.stop_requested()) return give_up(id, ErrorKind::interrupted, "stopped while waiting for the answer");
    if (!some || deadline.passed(os::now())) return give_up(id, ErrorKind::timed_out, "no answer in time");
    const Progress seen = *std::exchange(call.progress, std::nullopt);
    lock.unlock();
    if (progress) progress(seen);
    lock.lock();
  }
}

Result<void> Session::State::on_frame(Frame frame) {
  const std::lock_guard lock{mutex};
  const auto found = calls.find(frame.header.id);
  // Of a call that was given up, or without an id: nobody waits for it.
  if (found == calls.end() || found->second.result) return {};
  take(found->first, found->second, std::move(frame));
  return {};
}

void Session::State::on_answer(std::uint64_t id, Call& call, Frame frame) {
  if (call.answer.size() + frame.body.size() > options.max_answer) {
    Header cancel;
    cancel.kind = Kind::cancel;
    cancel.id = id;
    duplex.send_small(cancel);
    call.result = fail(ErrorKind::failed, "an answer larger than " + human_bytes(options.max_answer));
    return;
  }
  if (call.answer.empty()) {
    call.answer = std::move(frame.body);
  } else {
    call.answer += frame.body;
  }
  if (frame.header.more == More::no) call.result = std::move(call.answer);
}

// With the mutex held.
void Session::State::take(std::uint64_t id, Call& call, Frame frame) {
  switch (frame.header.kind) {
    case Kind::answer:
      on_answer(id, call, std::move(frame));
      break;
    case Kind::error:
      call.result = fail(frame.header.error.value_or(Error{ErrorKind::failed, "an error without words", {}, {}, {}}));
      break;
    case Kind::progress:
      call.progress = std::move(frame.header.progress);
      break;
    case Kind::hello:
    case Kind::ask:
    case Kind::data:
    case Kind::end:
    case Kind::cancel:
    case Kind::beat:
    case Kind::unknown:
      return;
  }
  changed.notify_all();
}

void Session::State::on_end(const Ending& ending) {
  const std::lock_guard lock{mutex};
  ended = ending.cause == Cause::stopped ? Error{ErrorKind::interrupted, "the session was closed", {}, {}, {}}
                                         : ending.error;
  for (auto& [id, call] : calls) {
    if (!call.result) call.result = fail(*ended);
  }
  changed.notify_all();
}

Session::Session(Link link, SessionOptions options) : state_{std::make_unique<State>(std::move(link), options)} {
  state_->duplex.start([state = state_.get()](Frame frame) { return state->on_frame(std::move(frame)); },
                       [state = state_.get()](const Ending& ending) { state->on_end(ending); });
}

Session::~Session() {
  state_->duplex.stop();
  std::unique_lock lock{state_->mutex};
  state_->changed.wait(lock, [this] { return state_->inside == 0; });
}

Result<std::string> Session::call(std::string_view name, std::string_view body, Deadline deadline,
                                  const std::stop_token& stop, const ProgressSink& progress) {
  const State::Visit visit{*state_};
  const std::uint64_t id = TRY(state_->take_turn(deadline, stop));
  // A failed send shows up while waiting: as the end of the connection, the deadline or the stop.
  const auto sent = state_->send_ask(id, name, body, deadline, stop);
  static_cast<void>(sent);
  return state_->await(id, deadline, stop, progress);
}

const Hello& Session::peer() const { return state_->duplex.peer(); }

bool Session::alive() const {
  const std::lock_guard lock{state_->mutex};
  return !state_->ended;
}

}  // namespace dugong::wire
