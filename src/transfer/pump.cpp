#include "transfer/pump.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "os/clock.h"

namespace dugong::transfer {
namespace {

// A bounded ring of blocks between one thread that fills and one that empties them.
class Ring {
 public:
  explicit Ring(const PumpOptions& options)
      : blocks_(options.blocks, std::vector<char>(options.block)), sizes_(options.blocks, 0) {}

  // A free block to fill; empty when the other side has given up.
  std::span<char> free_block() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return filled_ - emptied_ < blocks_.size() || closed_; });
    return closed_ ? std::span<char>{} : std::span<char>{blocks_[filled_ % blocks_.size()]};
  }
  void put(std::size_t size) {
    const std::lock_guard lock{mutex_};
    sizes_[filled_++ % blocks_.size()] = size;
    changed_.notify_all();
  }
  // The oldest filled block; nothing when there are no more.
  std::optional<std::span<const char>> full_block() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return filled_ > emptied_ || ended_; });
    if (filled_ == emptied_) return std::nullopt;
    const std::size_t slot = emptied_ % blocks_.size();
    return std::span<const char>{blocks_[slot]}.first(sizes_[slot]);
  }
  void take() {
    const std::lock_guard lock{mutex_};
    ++emptied_;
    changed_.notify_all();
  }
  void end() {  // nothing more will be put
    const std::lock_guard lock{mutex_};
    ended_ = true;
    changed_.notify_all();
  }
  void close() {  // nothing more will be taken
    const std::lock_guard lock{mutex_};
    closed_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::vector<char>> blocks_;
  std::vector<std::size_t> sizes_;
  std::size_t filled_ = 0;
  std::size_t emptied_ = 0;
  bool ended_ = false;
  bool closed_ = false;
};

Result<void> fill(ByteSource& source, Ring& ring, const std::stop_token& stop) {
  for (;;) {
    const auto block = ring.free_block();
    if (block.empty()) return fail(ErrorKind::interrupted, "nobody takes the bytes any more");
    if (stop.stop_requested()) return fail(ErrorKind::interrupted, "the transfer was stopped");
    const std::size_t size = TRY(source.read(block));
    if (size == 0) return {};
    ring.put(size);
  }
}

Result<void> drain(ByteSink& sink, Ring& ring, Bytes& done, const PumpProgress& progress, const std::stop_token& stop) {
  while (const auto block = ring.full_block()) {
    if (stop.stop_requested()) return fail(ErrorKind::interrupted, "the transfer was stopped");
    TRY(sink.write(*block));
    done += block->size();
    ring.take();
    if (progress) progress(done);
  }
  // A stopped source ends like a finished one: by giving nothing more.
  if (stop.stop_requested()) return fail(ErrorKind::interrupted, "the transfer was stopped");
  return {};
}

}  // namespace

Result<std::size_t> FdSource::read(std::span<char> into) {
  auto count = os::read_some(fd_, into, os::deadline_in(stall_), stop_);
  if (count || count.error().kind != ErrorKind::timed_out) return count;
  return fail(ErrorKind::timed_out, "nothing came for " + human_duration(stall_));
}

Result<void> FdSink::write(std::span<const char> bytes) {
  constexpr std::size_t step = 64 << 10;  // the deadline is for progress, not for the whole
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(step, bytes.size()));
    auto written = os::write_all(fd_, {part.data(), part.size()}, os::deadline_in(stall_), stop_);
    if (!written && written.error().kind == ErrorKind::timed_out) {
      return fail(ErrorKind::timed_out, "nothing was taken for " + human_duration(stall_));
    }
    TRY(std::move(written));
    bytes = bytes.subspan(part.size());
  }
  return {};
}

Pumped pump(ByteSource& source, ByteSink& sink, std::stop_token stop, const PumpProgress& progress,
            const std::function<void()>& on_sink_failure, PumpOptions options) {
  Pumped pumped;
  Ring ring{options};
  std::jthread reader{[&] {
    pumped.source = fill(source, ring, stop);
    ring.end();
  }};
  pumped.sink = drain(sink, ring, pumped.bytes, progress, stop);
  ring.close();
  if (!pumped.sink && on_sink_failure) on_sink_failure();
  reader.join();
  return pumped;
}

}  // namespace dugong::transfer
