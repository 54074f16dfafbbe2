#include "wire/duplex.h"

#include <algorithm>

#include "base/text.h"
#include "os/clock.h"

namespace dugong::wire {
namespace {

constexpr std::size_t queue_limit = 4 << 20;

}  // namespace

Steady::time_point bounded(Deadline deadline) {
  return std::min(deadline.at, os::now() + std::chrono::hours{24 * 365});
}

void Duplex::start(OnFrame on_frame, OnEnd on_end) {
  reader_ = std::jthread{[this, frame = std::move(on_frame), end = std::move(on_end)] { read_loop(frame, end); }};
  writer_ = std::jthread{[this] { write_loop(); }};
}

void Duplex::stop() {
  stop_.request_stop();
  if (reader_.joinable()) reader_.join();
  if (writer_.joinable()) writer_.join();
}

Result<void> Duplex::send(const Header& header, std::string_view body, Deadline deadline, const std::stop_token& stop) {
  std::string bytes = encode_head(header, body.size());
  bytes += body;
  std::unique_lock lock{mutex_};
  const auto ready = [&] { return queued_ < queue_limit || stop_.stop_requested(); };
  if (!changed_.wait_until(lock, stop, bounded(deadline), ready)) {
    const bool stopped = stop.stop_requested();
    return fail(stopped ? ErrorKind::interrupted : ErrorKind::timed_out, "waiting for the connection to take more");
  }
  if (stop_.stop_requested()) return fail(ErrorKind::interrupted, "the connection has ended");
  queued_ += bytes.size();
  queue_.push_back(std::move(bytes));
  changed_.notify_all();
  return {};
}

void Duplex::send_small(const Header& header) {
  const std::lock_guard lock{mutex_};
  queue_.push_back(encode_head(header, 0));
  queued_ += queue_.back().size();
  changed_.notify_all();
}

void Duplex::flush(Millis patience) {
  std::unique_lock lock{mutex_};
  changed_.wait_for(lock, stop_.get_token(), patience, [&] { return queue_.empty() && !writing_; });
}

void Duplex::read_loop(const OnFrame& on_frame, const OnEnd& on_end) {
  Ending ending = read_until_end(on_frame);
  stop_.request_stop();
  {
    const std::lock_guard lock{mutex_};
    if (write_error_) ending = {Cause::lost, *write_error_};
    changed_.notify_all();
  }
  if (ending.cause != Cause::stopped) ending.error = lost(link_.channel, link_.peer_name, ending.error.what);
  on_end(ending);
}

Ending Duplex::read_until_end(const OnFrame& on_frame) {
  const os::StopSignal stop{stop_.get_token()};
  Decoder decoder;
  for (;;) {
    const auto count = os::read_some(link_.channel.in.get(), decoder.space(), os::deadline_in(timing_.silence), stop);
    if (!count) return ended_by(count.error(), decoder.between_frames());
    if (*count == 0) return ended_by({}, decoder.between_frames());
    if (const auto committed = decoder.commit(*count); !committed) return {Cause::garbage, committed.error()};
    auto frame = decoder.next();
    if (!frame) continue;
    if (const auto taken = on_frame(std::move(*frame)); !taken) return {Cause::garbage, taken.error()};
  }
}

Ending Duplex::ended_by(const Error& error, bool between_frames) {
  if (error.kind == ErrorKind::interrupted) return {Cause::stopped, error};
  if (error.kind == ErrorKind::timed_out) {
    return {Cause::lost,
            {ErrorKind::unreachable, "no sign of life for " + human_duration(timing_.silence), {}, {}, {}}};
  }
  // The end of the file, or a reset: what a socket says whose peer closed before it had read everything.
  const Error closed{ErrorKind::unreachable, "the connection was closed", {}, {}, {}};
  return {between_frames ? Cause::closed_by_peer : Cause::lost, closed};
}

// The next frame, or a heartbeat when there is none for a while; nothing once it is over.
std::optional<std::string> Duplex::next_to_write() {
  std::unique_lock lock{mutex_};
  writing_ = false;
  changed_.notify_all();
  const bool some = changed_.wait_for(lock, stop_.get_token(), timing_.beat, [&] { return !queue_.empty(); });
  if (stop_.stop_requested()) return std::nullopt;
  if (!some) {
    Header beat;
    beat.kind = Kind::beat;
    return encode_head(beat, 0);
  }
  writing_ = true;
  std::string bytes = std::move(queue_.front());
  queue_.pop_front();
  queued_ -= bytes.size();
  changed_.notify_all();
  return bytes;
}

// A slow line may take long for a frame, but not without any progress.
void Duplex::write_loop() {
  const os::StopSignal stop{stop_.get_token()};
  while (const auto bytes = next_to_write()) {
    const auto written = os::write_patiently(link_.channel.out.get(), *bytes, timing_.silence, stop);
    if (written) continue;
    const std::lock_guard lock{mutex_};
    if (written.error().kind == ErrorKind::interrupted) return;
    const bool stalled = written.error().kind == ErrorKind::timed_out;
    // A broken pipe is the reader's to explain: what the peer said last, or that it closed, is still to be read.
    if (!stalled) return;
    write_error_ =
        Error{ErrorKind::unreachable, "the peer has read nothing for " + human_duration(timing_.silence), {}, {}, {}};
    stop_.request_stop();
    return;
  }
}

}  // namespace dugong::wire
