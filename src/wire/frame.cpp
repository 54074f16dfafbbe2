#include "wire/frame.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace dugong::wire {
namespace {

constexpr std::string_view magic = "dgf1";

void put_u32(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xffU);
}

std::uint32_t get_u32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char c : bytes.substr(0, 4)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

}  // namespace

std::string encode_header(const Header& header);  // header.cpp, the only file that meets the JSON library

std::string encode_head(const Header& header, std::size_t body_size) {
  const std::string json = encode_header(header);
  std::string out;
  out.reserve(prefix_size + json.size());
  out += magic;
  put_u32(out, static_cast<std::uint32_t>(json.size()));
  put_u32(out, static_cast<std::uint32_t>(body_size));
  return out + json;
}

std::string encode(const Frame& frame) { return encode_head(frame.header, frame.body.size()) + frame.body; }

Result<Prefix> decode_prefix(std::string_view bytes) {
  if (bytes.size() != prefix_size || !bytes.starts_with(magic)) {
    return fail(ErrorKind::unreachable, "garbage where a frame should start: '" + printable(bytes) + "'");
  }
  const Prefix prefix{get_u32(bytes.substr(4)), get_u32(bytes.substr(8))};
  if (prefix.header_size > max_header || prefix.body_size > max_body) {
    return fail(ErrorKind::unreachable, "a frame of an impossible size: header " + std::to_string(prefix.header_size) +
                                            ", body " + std::to_string(prefix.body_size));
  }
  return prefix;
}

std::span<char> Decoder::space() {
  std::string& into = part_ == Part::body ? frame_.body : buffer_;
  return std::span{into}.subspan(filled_);
}

Result<void> Decoder::commit(std::size_t size) {
  if (part_ == Part::broken) return fail(ErrorKind::unreachable, "the stream of frames has lost its place");
  filled_ += size;
  auto finished = space().empty() ? finish_part() : Result<void>{};
  if (!finished) part_ = Part::broken;
  return finished;
}

Result<void> Decoder::finish_part() {
  if (part_ == Part::prefix) {
    const Prefix prefix = TRY(decode_prefix(buffer_));
    body_size_ = prefix.body_size;
    buffer_.assign(prefix.header_size, '\0');
    part_ = Part::header;
    filled_ = 0;
    if (!buffer_.empty()) return {};
  }
  if (part_ == Part::header) {
    frame_.header = TRY(decode_header(buffer_));
    frame_.body.assign(body_size_, '\0');
    part_ = Part::body;
    filled_ = 0;
    if (body_size_ > 0) return {};
  }
  ready_ = std::move(frame_);
  frame_ = {};
  buffer_.assign(prefix_size, '\0');
  part_ = Part::prefix;
  filled_ = 0;
  return {};
}

std::optional<Frame> Decoder::next() { return std::exchange(ready_, std::nullopt); }

Result<void> Decoder::feed(std::string_view bytes, std::vector<Frame>& frames) {
  while (!bytes.empty()) {
    const auto into = space();
    const std::size_t size = std::min(into.size(), bytes.size());
    if (part_ != Part::broken) std::memcpy(into.data(), bytes.data(), size);
    TRY(commit(size));
    bytes.remove_prefix(size);
    if (auto frame = next()) frames.push_back(std::move(*frame));
  }
  return {};
}

bool Decoder::between_frames() const { return part_ == Part::prefix && filled_ == 0; }

}  // namespace dugong::wire
