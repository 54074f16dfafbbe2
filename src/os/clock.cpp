#include "os/clock.h"

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <sys/random.h>

namespace dugong::os {

Steady::time_point now() { return Steady::now(); }

std::int64_t wall_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Deadline deadline_in(Millis timeout) { return Deadline::after(now(), timeout); }

Slept sleep_for(Millis duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock{mutex};
  never.wait_for(lock, stop, duration, [] { return false; });
  return stop.stop_requested() ? Slept::stopped : Slept::whole;
}

std::string random_token(std::size_t bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string raw(bytes, '\0');
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t count = ::getrandom(raw.data() + done, bytes - done, 0);
    // Without randomness a name or key would be guessable: better no process than that one.
    if (count < 0 && errno != EINTR) std::abort();
    if (count > 0) done += static_cast<std::size_t>(count);
  }
  std::string token;
  token.reserve(2 * bytes);
  for (const char c : raw) {
    const auto byte = static_cast<unsigned char>(c);
    token += digits[byte >> 4U];
    token += digits[byte & 15U];
  }
  return token;
}

}  // namespace dugong::os
