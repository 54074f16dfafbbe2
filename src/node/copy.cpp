#include "node/copy.h"

#include <chrono>
#include <fmt/format.h>
#include <utility>

#include "os/clock.h"

namespace dugong::node {
namespace {

constexpr Millis progress_interval{100};

// What `pump` tells is once per block; a callback per block would cost more than the block at 10 GB/s.
transfer::PumpProgress throttled(const CopyProgress& progress) {
  if (!progress) return {};
  return [&progress, next = os::now()](Bytes done) mutable {
    const auto now = os::now();
    if (now < next) return;
    next = now + progress_interval;
    progress(done);
  };
}

Error with_rest(Error error, const std::string& first, const std::string& second) {
  for (const auto& rest : {first, second}) {
    if (rest.empty()) continue;
    if (!error.left.empty()) error.left += "; ";
    error.left += rest;
  }
  return error;
}

// The other end's failure is evidence unless it only ended because it was told to.
Error both(Error receiver, const Error* sender) {
  if (sender != nullptr && sender->kind != ErrorKind::interrupted) {
    receiver.what += fmt::format("; the sender: {}", sender->what);
  }
  return receiver;
}

// Keeps to the pace, and asks the receiver for its own words the moment it takes no more, so that the sender can be
// told them.
class AskedSink final : public transfer::ByteSink {
 public:
  AskedSink(SinkEnd& sink, transfer::Pace& pace, const std::stop_token& stop) : sink_{sink}, pace_{pace}, stop_{stop} {}
  Result<> write(std::span<const char> bytes) override {
    pace_.let_through(bytes.size(), stop_);
    auto written = sink_.write(bytes);
    if (written) return written;
    failure_ = sink_.explain(std::move(written).error());
    return fail(*failure_);
  }
  void take_last_words() { failure_ = sink_.last_words(); }
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

 private:
  SinkEnd& sink_;
  transfer::Pace& pace_;
  const std::stop_token& stop_;
  std::optional<Error> failure_;
};

Result<> sink_failed(SourceEnd& source, Error error, const Result<>& source_ended) {
  error = both(std::move(error), source_ended ? nullptr : &source_ended.error());
  const auto rest = source.abandon(error);
  return fail(with_rest(std::move(error), rest, {}));
}

Result<> source_failed(SourceEnd& source, SinkEnd& sink, Error error) {
  const auto rest_of_sink = sink.abandon(error);
  const auto rest_of_source = source.abandon(error);
  return fail(with_rest(std::move(error), rest_of_sink, rest_of_source));
}

Result<> settle(SourceEnd& source, SinkEnd& sink, const std::optional<Error>& sink_failure, transfer::Pumped pumped,
                Deadline deadline) {
  // When one side fails the other is interrupted for it: that is not the cause.
  const bool sink_is_cause = sink_failure && (pumped.source || sink_failure->kind != ErrorKind::interrupted);
  if (sink_is_cause) return sink_failed(source, *sink_failure, pumped.source);
  if (!pumped.source) return source_failed(source, sink, std::move(pumped.source).error());
  if (!pumped.sink) return source_failed(source, sink, std::move(pumped.sink).error());
  // Not before the sender has said that it sent everything may the receiver take the stream for a whole one.
  auto sent = source.complete(deadline);
  if (!sent) return source_failed(source, sink, std::move(sent).error());
  auto received = sink.complete(deadline);
  source.conclude(received);
  return received;
}

}  // namespace

Result<CopyResult> run_copy(SourceEnd& source, SinkEnd& sink, const CopyProgress& progress, transfer::Pace& pace,
                            Deadline deadline, const std::stop_token& stop) {
  const auto started = os::now();
  AskedSink asked{sink, pace, stop};
  const Error unknown{ErrorKind::failed, "the receiver takes no more", {}, {}, {}};
  auto halt = [&] { source.halt(asked.failure().value_or(unknown)); };
  sink.watch([&] { source.halt(unknown); });
  auto pumped = transfer::pump(source, asked, stop, throttled(progress), halt);
  // A failed write has told the same already.
  if (sink.unwatch() && !asked.failure()) asked.take_last_words();
  const auto bytes = pumped.bytes;
  const Deadline settled{std::min(deadline.at, os::deadline_in(last_work).at)};
  TRY(settle(source, sink, asked.failure(), std::move(pumped), settled));
  if (progress) progress(bytes);
  return CopyResult{bytes, std::chrono::duration<double>(os::now() - started).count(), pace.count().held.count()};
}

}  // namespace dugong::node
