#include "wire/link.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <fcntl.h>
#include <mutex>
#include <unistd.h>

#include "base/text.h"
#include "os/clock.h"
#include "os/signals.h"
#include "wire/compression.h"

namespace dugong::wire {
namespace {

constexpr std::size_t max_banner = 64 << 10;
constexpr std::size_t kept_words = 4096;
constexpr Millis evidence_patience{500};

Result<Frame> read_frame(int fd, Deadline deadline, const os::StopSignal& stop) {
  Decoder decoder;
  for (;;) {
    const std::size_t count = TRY(os::read_some(fd, decoder.space(), deadline, stop));
    if (count == 0) return fail(ErrorKind::unreachable, "the connection was closed");
    TRY(decoder.commit(count));
    if (auto frame = decoder.next()) return std::move(*frame);
  }
}

// Byte by byte: what follows the line belongs to whoever reads frames.
Result<void> skip_to_magic(int fd, std::string& banner, Deadline deadline, const os::StopSignal& stop) {
  char byte = 0;
  while (!banner.ends_with(magic_line)) {
    if (banner.size() >= max_banner) {
      return fail(ErrorKind::unreachable, "64 KiB of other text in place of dugong's greeting");
    }
    const std::size_t count = TRY(os::read_some(fd, {&byte, 1}, deadline, stop));
    if (count == 0) return fail(ErrorKind::unreachable, "the connection was closed before dugong answered");
    banner += byte;
  }
  return {};
}

Result<std::uint32_t> common_protocol(const Hello& ours, const Hello& theirs, const std::string& peer_name) {
  const std::uint32_t highest = std::min(ours.protocol_max, theirs.protocol_max);
  if (highest >= std::max(ours.protocol_min, theirs.protocol_min)) return highest;
  const bool theirs_is_older = theirs.protocol_max < ours.protocol_min;
  return fail(ErrorKind::refused,
              "dugong " + printable(theirs.version) + " on " + peer_name + " speaks protocol " +
                  std::to_string(theirs.protocol_min) + "–" + std::to_string(theirs.protocol_max) + ", dugong " +
                  ours.version + " here " + std::to_string(ours.protocol_min) + "–" + std::to_string(ours.protocol_max),
              theirs_is_older ? std::string{upgrade_there} + peer_name + " to " + ours.version
                              : std::string{upgrade_here} + printable(theirs.version));
}

Result<Link> exchange_hellos(Channel& channel, const Identity& identity, std::string& banner, Deadline deadline,
                             const os::StopSignal& stop) {
  TRY(os::set_nonblocking(channel.in.get()));
  TRY(os::set_nonblocking(channel.out.get()));
  Header mine;
  mine.kind = Kind::hello;
  mine.hello = identity.self;
  mine.hello->capabilities.emplace_back(zstd_capability);
  const auto sent = os::write_all(channel.out.get(), std::string{magic_line} + encode_head(mine, 0), deadline, stop);
  // A peer that is gone may have said why: reading finds it.
  if (!sent && sent.error().kind != ErrorKind::unreachable) return fail(sent.error());
  TRY(skip_to_magic(channel.in.get(), banner, deadline, stop));
  const Frame frame = TRY(read_frame(channel.in.get(), deadline, stop));
  if (!frame.header.hello) return fail(ErrorKind::unreachable, "no hello came after the greeting");
  Link link;
  link.peer = *frame.header.hello;
  link.peer_name = identity.peer_name;
  link.protocol = TRY(common_protocol(identity.self, link.peer, identity.peer_name));
  return link;
}

std::string advice(const std::optional<os::Exit>& exit, const std::string& peer_name) {
  constexpr int not_found = 127;  // of a shell: POSIX, 2.8.2
  if (exit && exit->code == not_found) return "install dugong on " + peer_name;
  return {};
}

}  // namespace

struct StderrTail::State {
  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  std::string text;
  bool ended = false;
};

StderrTail::StderrTail(os::Fd fd)
    : state_{std::make_shared<State>()}, thread_{[state = state_, fd = std::move(fd)](const std::stop_token& ended) {
        const os::StopSignal stop{ended};
        std::string block(4096, '\0');
        for (;;) {
          const auto count = os::read_some(fd.get(), block, Deadline{}, stop);
          const std::lock_guard lock{state->mutex};
          if (!count || *count == 0) {
            state->ended = true;
            state->changed.notify_all();
            return;
          }
          state->text.append(block, 0, *count);
          if (state->text.size() > kept_words) state->text.erase(0, state->text.size() - kept_words);
        }
      }} {}

std::string StderrTail::text() const {
  const std::lock_guard lock{state_->mutex};
  return printable(trim(replace_all(state_->text, "\r\n", "\n")));  // ssh means a terminal
}

std::string StderrTail::final_text(Millis patience) const {
  {
    std::unique_lock lock{state_->mutex};
    state_->changed.wait_for(lock, patience, [&] { return state_->ended; });
  }
  return text();
}

Channel over(os::Child child) {
  Channel channel;
  channel.in = std::move(child.out);
  channel.out = std::move(child.in);
  if (child.err.valid()) channel.err = std::make_unique<StderrTail>(std::move(child.err));
  channel.child = std::move(child);
  return channel;
}

Result<Channel> over_standard_streams() {
  Channel channel;
  channel.in = TRY(os::duplicate(STDIN_FILENO));
  channel.out = TRY(os::duplicate(STDOUT_FILENO));
  const os::Fd nothing{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  if (!nothing.valid() || ::dup2(nothing.get(), STDIN_FILENO) < 0 || ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
    return fail(os::system_error(errno, "take over the standard streams"));
  }
  return channel;
}

Error lost(Channel& channel, const std::string& peer_name, std::string_view what) {
  const std::lock_guard guard{*channel.ending};
  Error error{ErrorKind::unreachable, std::string{what}, peer_name, {}, {}};
  std::optional<os::Exit> exit;
  if (channel.child.valid()) {
    const auto ended = channel.child.wait(os::deadline_in(evidence_patience));
    if (ended) exit = *ended;
  }
  const std::string words = channel.err ? channel.err->final_text(exit ? evidence_patience : Millis{0}) : std::string{};
  if (exit) error.what += " (" + os::to_string(*exit) + ")";
  if (!words.empty()) error.what += "; it said: " + words;
  error.next = advice(exit, peer_name);
  return error;
}

Result<Link> greet(Channel channel, const Identity& identity, const Timing& timing, const std::stop_token& stop_token) {
  os::ignore_sigpipe();  // a peer that is gone is an answer, not our end
  const os::StopSignal stop{stop_token};
  std::string banner;
  auto link = exchange_hellos(channel, identity, banner, os::deadline_in(timing.hello), stop);
  if (link) {
    link->channel = std::move(channel);
    return link;
  }
  Error error = std::move(link).error();
  if (error.kind == ErrorKind::timed_out) {
    error.kind = ErrorKind::unreachable;
    error.what = "dugong did not answer within " + human_duration(timing.hello);
  }
  if (error.kind != ErrorKind::unreachable) return fail(std::move(error).at(identity.peer_name));
  const std::string printed = printable(trim(shorten(banner, kept_words / 4)));
  Error evidence = lost(channel, identity.peer_name, error.what);
  if (!printed.empty()) evidence.what += "; it printed: " + printed;
  return fail(std::move(evidence));
}

Result<void> send_frame(Link& link, const Header& header, std::string_view body, Deadline deadline,
                        const os::StopSignal& stop) {
  auto sent = os::write_all(link.channel.out.get(), encode_head(header, body.size()), body, deadline, stop);
  if (sent || sent.error().kind != ErrorKind::unreachable) return sent;
  return fail(lost(link.channel, link.peer_name, "the connection was closed"));
}

Result<Frame> receive_frame(Link& link, Deadline deadline, const os::StopSignal& stop) {
  auto frame = read_frame(link.channel.in.get(), deadline, stop);
  if (frame || frame.error().kind != ErrorKind::unreachable) return frame;
  return fail(lost(link.channel, link.peer_name, frame.error().what));
}

}  // namespace dugong::wire
