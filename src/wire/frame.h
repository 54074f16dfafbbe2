// The unit that travels: a 12-byte prefix, a small JSON header, a raw body.
//
//   "dgf1" · header length (u32, big-endian, ≤ 64 KiB) · body length (u32, big-endian, ≤ 1 MiB) · header · body
//
// Header keys and frame kinds that are not known are ignored, so that two adjacent versions understand each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "wire/protocol.h"

namespace dugong::wire {

inline constexpr std::size_t prefix_size = 12;
inline constexpr std::size_t max_header = 64 << 10;
inline constexpr std::size_t max_body = 1 << 20;

enum class Kind { hello, ask, answer, error, data, end, cancel, beat, progress, unknown };
enum class Purpose { control, stream };
enum class More { no, yes };

struct Hello {
  std::uint32_t protocol_min = oldest_protocol(own_protocol());
  std::uint32_t protocol_max = own_protocol();
  std::string version;  // of the program
  std::string hostname;
  Purpose purpose = Purpose::control;
  std::vector<std::string> capabilities;
  friend bool operator==(const Hello&, const Hello&) = default;
};
struct Progress {
  Bytes done = 0;
  std::optional<Bytes> total;
  std::string text;
  friend bool operator==(const Progress&, const Progress&) = default;
};
// What of it is meaningful depends on the kind; the rest stays at its initialiser and does not travel.
struct Header {
  Kind kind = Kind::unknown;
  std::uint64_t id = 0;
  std::string name;                 // ask: the request
  std::optional<Millis> remaining;  // ask: until its deadline
  More more = More::no;             // ask, answer: the body goes on in the next frame of this id
  std::size_t plain = 0;            // data: bytes of the body before compression (zstd); 0: it is as it was
  Bytes total = 0;                  // end: bytes of the stream
  std::uint64_t digest = 0;         // end: XXH3-64 of them
  std::optional<Hello> hello;
  std::optional<Progress> progress;
  std::optional<Error> error;
  friend bool operator==(const Header&, const Header&) = default;
};
struct Frame {
  Header header;
  std::string body;
  friend bool operator==(const Frame&, const Frame&) = default;
};

// Prefix and header; the body follows as it is. Texts that are not UTF-8 are repaired, overlong ones shortened.
std::string encode_head(const Header& header, std::size_t body_size);
std::string encode(const Frame& frame);

struct Prefix {
  std::uint32_t header_size = 0;
  std::uint32_t body_size = 0;
};
Result<Prefix> decode_prefix(std::string_view bytes);  // exactly prefix_size of them
Result<Header> decode_header(std::string_view json);

// Turns bytes, however they are cut, into frames. After an Error it stays in error: the stream has lost its place.
class Decoder {
 public:
  // Where the next bytes go, never empty: read into it, then `commit` how many came. Bodies are read in place.
  std::span<char> space();
  Result<void> commit(std::size_t size);
  std::optional<Frame> next();
  // For bytes that are in memory already: all of them; whole frames are appended to `frames`.
  Result<void> feed(std::string_view bytes, std::vector<Frame>& frames);
  [[nodiscard]] bool between_frames() const;  // nothing of a frame has come yet

 private:
  enum class Part { prefix, header, body, broken };
  Result<void> finish_part();
  Part part_ = Part::prefix;
  std::string buffer_ = std::string(prefix_size, '\0');
  std::size_t filled_ = 0;
  std::uint32_t body_size_ = 0;
  Frame frame_;
  std::optional<Frame> ready_;
};

}  // namespace dugong::wire
