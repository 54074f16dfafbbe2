#include "transfer/pump.h"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "os/clock.h"

namespace dugong::transfer {
namespace {

// Bytes between one thread that fills and one that empties: what has come goes on in one piece as far as it lies in
// one, so the slower side gets the larger pieces.
class Ring {
 public:
  explicit Ring(const PumpOptions& options) : bytes_(options.ring), step_{options.step} {}

  // Room to fill; empty when the other side has given up.
  std::span<char> room() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return filled_ - emptied_ < bytes_.size() || closed_; });
    if (closed_) return {};
    return piece(filled_, bytes_.size() - (filled_ - emptied_));
  }
  void put(std::size_t size) {
    const std::lock_guard lock{mutex_};
    filled_ += size;
    changed_.notify_all();
  }
  // The oldest bytes; empty when there will be no more.
  std::span<const char> waiting() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return filled_ > emptied_ || ended_; });
    return piece(emptied_, filled_ - emptied_);
  }
  void take(std::size_t size) {
    const std::lock_guard lock{mutex_};
    emptied_ += size;
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
  std::span<char> piece(std::uint64_t from, std::uint64_t size) {
    const auto at = static_cast<std::size_t>(from % bytes_.size());
    return std::span{bytes_}.subspan(at).first(std::min({static_cast<std::size_t>(size), bytes_.size() - at, step_}));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<char> bytes_;
  std::size_t step_;
  std::uint64_t filled_ = 0;  // since the beginning
  std::uint64_t emptied_ = 0;
  bool ended_ = false;
  bool closed_ = false;
};

Result<void> fill(ByteSource& source, Ring& ring, const std::stop_token& stop) {
  for (;;) {
    const auto room = ring.room();
    if (room.empty()) return fail(ErrorKind::interrupted, "nobody takes the bytes any more");
    if (stop.stop_requested()) return fail(ErrorKind::interrupted, "the transfer was stopped");
    const std::size_t size = TRY(source.read(room));
    if (size == 0) return {};
    ring.put(size);
  }
}

Result<void> drain(ByteSink& sink, Ring& ring, Bytes& done, const PumpProgress& progress, const std::stop_token& stop) {
  for (auto bytes = ring.waiting(); !bytes.empty(); bytes = ring.waiting()) {
    if (stop.stop_requested()) return fail(ErrorKind::interrupted, "the transfer was stopped");
    TRY(sink.write(bytes));
    done += bytes.size();
    ring.take(bytes.size());
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
  auto written = os::write_patiently(fd_, {bytes.data(), bytes.size()}, stall_, stop_);
  if (written || written.error().kind != ErrorKind::timed_out) return written;
  return fail(ErrorKind::timed_out, "nothing was taken for " + human_duration(stall_));
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
