// One stream of bytes over a link of its own: data frames, then an end with the total and the digest of it all, then
// the reader's verdict back. The pipe's buffer is the backpressure; a peer is given up only when no byte moved for
// Timing::stall, since a receiver may legitimately pause (a transaction group sync). Both ends also beat while they
// have nothing to say, so that a peer that is gone without a word (a dead line) is missed after Timing::stream_silence.
#pragma once

#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"
#include "wire/link.h"

namespace dugong::wire {

// The opening of a stream, over a link whose Hello::purpose is `stream`: one side says what it wants, the other reads
// it.
Result<void> send_opening(Link& link, std::string_view name, std::string_view body, Deadline deadline,
                          const std::stop_token& stop = {});
struct Opening {
  std::string name;
  std::string body;
};
Result<Opening> receive_opening(Link& link, Deadline deadline, const std::stop_token& stop = {});

class StreamWriter {
 public:
  StreamWriter(Link& link, const Timing& timing, const std::stop_token& stop);
  ~StreamWriter();
  // Up to 1 MiB travels in one frame; more is split. Errors: the reader's own, if it sent one; unreachable; timed_out
  // (stalled); interrupted.
  Result<void> write(std::span<const char> bytes);
  // Says that the stream is complete and waits for the reader's verdict: its text, or its Error.
  Result<std::string> finish(Deadline verdict_deadline);
  // To be called every Timing::beat, and whenever the link has something to read; thread-safe beside the others.
  // Errors: as write(); interrupted once the verdict is there.
  Result<void> tend();
  // Tells the reader why there will be no more. Best effort.
  void abort(const Error& error);
  [[nodiscard]] Bytes total() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class StreamReader {
 public:
  StreamReader(Link& link, const Timing& timing, const std::stop_token& stop);
  ~StreamReader();
  // Bytes go straight into `into`. 0: the stream is complete, total and digest are right. Errors: the writer's own, if
  // it sent one; failed (digest or total differ); unreachable (ended too early); timed_out (stalled); interrupted.
  Result<std::size_t> read(std::span<char> into);
  // To be called every Timing::beat; thread-safe beside the others. Error: the link takes nothing.
  Result<void> beat();
  // The verdict that the writer's finish() returns. An Error may be sent at any time.
  Result<void> conclude(const Result<std::string>& verdict);
  [[nodiscard]] Bytes total() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dugong::wire
