// Moves bytes from where they come from to where they go. Reading and writing overlap through a small ring, so that a
// pause on one side (a transaction group sync) does not stop the other at once.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <stop_token>

#include "base/result.h"
#include "base/units.h"
#include "os/fd.h"

namespace dugong::transfer {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual Result<std::size_t> read(std::span<char> into) = 0;  // 0: the end
};
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Result<void> write(std::span<const char> bytes) = 0;  // all of them
};

// `stall`: no byte moved for that long is an error.
class FdSource final : public ByteSource {
 public:
  FdSource(int fd, Millis stall, const std::stop_token& stop) : fd_{fd}, stall_{stall}, stop_{stop} {}
  Result<std::size_t> read(std::span<char> into) override;

 private:
  int fd_;
  Millis stall_;
  os::StopSignal stop_;
};
class FdSink final : public ByteSink {
 public:
  FdSink(int fd, Millis stall, const std::stop_token& stop) : fd_{fd}, stall_{stall}, stop_{stop} {}
  Result<void> write(std::span<const char> bytes) override;

 private:
  int fd_;
  Millis stall_;
  os::StopSignal stop_;
};

struct PumpOptions {
  std::size_t ring = 16 << 20;  // bytes
  std::size_t step = 1 << 20;   // read or written at once, at most
};
struct Pumped {
  Bytes bytes = 0;
  Result<void> source;  // how either side ended; the other is stopped when one fails
  Result<void> sink;
  [[nodiscard]] bool ok() const { return source.has_value() && sink.has_value(); }
};
using PumpProgress = std::function<void(Bytes done)>;  // after each write, on the caller's thread

// Returns when both sides have ended. `stop` ends both, provided source and sink were given the same token (a blocked
// read or write is theirs to end). When the sink fails, `on_sink_failure` is called so that the owner can stop the
// source.
Pumped pump(ByteSource& source, ByteSink& sink, std::stop_token stop, const PumpProgress& progress = {},
            const std::function<void()>& on_sink_failure = {}, PumpOptions options = {});

}  // namespace dugong::transfer
