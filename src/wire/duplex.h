// What both ends of a control connection have in common: a thread that reads frames and notices silence, a thread that
// writes them and the heartbeat from a bounded queue. Used inside this room.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "wire/link.h"

namespace dugong::wire {

enum class Cause {
  closed_by_peer,  // end of file between two frames
  lost,            // silence, a broken pipe, half a frame, a peer that does not read
  garbage,
  stopped,  // by us
};
struct Ending {
  Cause cause = Cause::stopped;
  Error error;
};

class Duplex {
 public:
  using OnFrame = std::function<Result<void>(Frame)>;  // reader thread; must not block; an Error ends the connection
  using OnEnd = std::function<void(const Ending&)>;    // reader thread; once, the last call

  Duplex(Link link, Timing timing) : link_{std::move(link)}, timing_{timing} {}
  ~Duplex() { stop(); }
  Duplex(const Duplex&) = delete;
  Duplex& operator=(const Duplex&) = delete;

  void start(OnFrame on_frame, OnEnd on_end);
  // Waits while the queue is full. Errors: timed_out, interrupted (also when the connection has ended).
  Result<void> send(const Header& header, std::string_view body, Deadline deadline, const std::stop_token& stop);
  void send_small(const Header& header);  // never waits
  void flush(Millis patience);            // until everything queued was written
  void stop();                            // joins both threads; no callback runs afterwards
  [[nodiscard]] const Hello& peer() const { return link_.peer; }

 private:
  void read_loop(const OnFrame& on_frame, const OnEnd& on_end);
  Ending read_until_end(const OnFrame& on_frame);
  Ending ended_by(const Error& error, bool between_frames);
  void write_loop();
  std::optional<std::string> next_to_write();

  Link link_;
  Timing timing_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::string> queue_;
  std::size_t queued_ = 0;  // bytes
  bool writing_ = false;
  std::optional<Error> write_error_;
  std::jthread reader_;
  std::jthread writer_;
};

// Far enough for any wait, near enough for every clock's arithmetic.
Steady::time_point bounded(Deadline deadline);

}  // namespace dugong::wire
