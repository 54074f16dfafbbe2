// A copy is two ends and what happens between them, wherever they are: `zfs send` here, `zfs receive` here, or a data
// session to another node for either. serve and the fleet both run copies through the one function below.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/units.h"
#include "node/node.h"
#include "node/zfs_process.h"
#include "transfer/pace.h"
#include "transfer/pump.h"
#include "wire/stream.h"

namespace dugong::node {

// zfs receive may have much to do after the last byte (a big transaction group, deferred frees).
inline constexpr Millis last_work{60 * 60 * 1'000};

class SourceEnd : public transfer::ByteSource {
 public:
  virtual Result<> complete(Deadline deadline) = 0;    // after the last byte: did it really send everything?
  virtual void conclude(const Result<>& outcome) = 0;  // what became of it at the other end
  virtual void halt(const Error& why) = 0;             // the receiver failed: ends a blocked read; from any thread
  virtual std::string abandon(const Error& why) = 0;   // ends it; what could not be ended, or empty
};
class SinkEnd : public transfer::ByteSink {
 public:
  virtual Result<> complete(Deadline deadline) = 0;   // the stream was whole: take it. Its verdict.
  virtual Error explain(Error write_failure) = 0;     // why it took no more, in its own words; it has ended then
  virtual std::string abandon(const Error& why) = 0;  // there will be no more: drop what came
  // `gone` is called once, on another thread, when the receiver ends while nothing is being written to it: a sender
  // with nothing to say for minutes would not notice. Until unwatch(); true: it was called. A receiver on this machine
  // has none of that: its end is noticed by the next write, or when the sender has stalled.
  virtual void watch(const std::function<void()>& gone) { static_cast<void>(gone); }
  virtual bool unwatch() { return false; }
  virtual Error last_words() { return {}; }  // after unwatch() gave true and no write failed
};

// Success: all bytes went over and both ends ended well. Whether the snapshot is there is for the caller to look at.
// When both ends failed the receiver's words come first. What stops the bytes themselves is the token that the ends
// were made with; after the last byte the receiver has `last_work` more, but not beyond `deadline`.
Result<CopyResult> run_copy(SourceEnd& source, SinkEnd& sink, const CopyProgress& progress, transfer::Pace& pace,
                            Deadline deadline, const std::stop_token& stop);

struct EndOptions {
  wire::Timing timing;  // `stall`: no byte for that long is an error
  Deadline deadline;
  std::stop_token stop;
};
// Ends on this machine.
Result<std::unique_ptr<SourceEnd>> local_source(Node& local, const zfs::Send& send, const EndOptions& options);
Result<std::unique_ptr<SinkEnd>> local_sink(Node& local, const zfs::Receive& receive, const EndOptions& options);
// Ends at the other side of a link that has its opening behind it.
std::unique_ptr<SourceEnd> link_source(wire::Link link, const EndOptions& options);
std::unique_ptr<SinkEnd> link_sink(wire::Link link, const EndOptions& options);

}  // namespace dugong::node
