// A connection after both sides agreed to speak with each other: two descriptors, and who is at the other end.
//
// Each side writes "DUGONG/1\n" and a hello frame, skips whatever the other's login shell printed before its magic
// line, and reads its hello. Nothing is read beyond that, so the link can go on as a Session, a Server or a byte
// stream.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/result.h"
#include "base/units.h"
#include "os/fd.h"
#include "os/spawn.h"
#include "wire/frame.h"

namespace dugong::wire {

inline constexpr std::string_view magic_line = "DUGONG/1\n";
// How the advice of a refused greeting begins: which side has the older version.
inline constexpr std::string_view upgrade_there = "upgrade dugong on ";
inline constexpr std::string_view upgrade_here = "upgrade dugong here to ";

// Keeps the last words of a child's stderr.
class StderrTail {
 public:
  explicit StderrTail(os::Fd fd);
  [[nodiscard]] std::string text() const;  // printable, at most 4 KiB
  // The same once the stream has ended, waiting at most that long: a dying ssh says why a moment after its stdout
  // ended.
  [[nodiscard]] std::string final_text(Millis patience) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::jthread thread_;
};

struct Channel {
  os::Fd in;
  os::Fd out;
  std::unique_ptr<StderrTail> err;  // may be null
  os::Child child;                  // may be invalid; ends with the channel
  // Reader and writer of a stream may find its end together, and it is one child.
  std::unique_ptr<std::mutex> ending = std::make_unique<std::mutex>();
};
Channel over(os::Child child);  // stdin and stdout of a child started with pipes; its stderr too when it is one
Result<Channel>
over_standard_streams();  // fd 0 and 1 of this process; 1 then leads to stderr, so that no print corrupts frames

struct Timing {
  Millis hello{15'000};
  Millis beat{2'000};
  Millis silence{10'000};         // control: peer lost
  Millis stream_silence{20'000};  // stream: peer lost; as long as ssh itself waits
  Millis stall{5 * 60 * 1'000};   // stream: no byte of it moved, though the peer lives
  Millis farewell{1'500};         // for last words to a peer that may be gone
};
struct Identity {
  Hello self;
  std::string peer_name;  // for messages: the node or host
};

struct Link {
  Channel channel;
  Hello peer;
  std::uint32_t protocol = 0;
  std::string peer_name;
};
// Errors: unreachable (no magic line in time or within 64 KiB, the end of file; with stderr's last words and the
// child's exit), refused (no common protocol version), interrupted.
Result<Link> greet(Channel channel, const Identity& identity, const Timing& timing, const std::stop_token& stop = {});

// One frame at a time, for what comes before a stream. Errors: unreachable, timed_out, interrupted.
Result<void> send_frame(Link& link, const Header& header, std::string_view body, Deadline deadline,
                        const os::StopSignal& stop);
Result<Frame> receive_frame(Link& link, Deadline deadline, const os::StopSignal& stop);
// `unreachable`, with the last words of the peer's stderr and its exit as evidence. Waits up to half a second for them.
Error lost(Channel& channel, const std::string& peer_name, std::string_view what);

}  // namespace dugong::wire
