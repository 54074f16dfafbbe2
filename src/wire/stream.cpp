#include "wire/stream.h"

#include <algorithm>
#include <mutex>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/text.h"
#include "os/clock.h"
#include "wire/compression.h"

namespace dugong::wire {
namespace {

class Digest {
 public:
  Digest() { XXH3_64bits_reset(&state_); }
  void add(std::string_view bytes) { XXH3_64bits_update(&state_, bytes.data(), bytes.size()); }
  [[nodiscard]] std::uint64_t value() const { return XXH3_64bits_digest(&state_); }

 private:
  XXH3_state_t state_;
};

Error in_words(Error error, const std::string& peer_name, Millis stall) {
  if (error.kind == ErrorKind::timed_out) error.what = "no byte of the stream moved for " + human_duration(stall);
  return std::move(error).at(peer_name);
}

Error no_sign_of_life(Millis silence) {
  return {ErrorKind::unreachable, "no sign of life for " + human_duration(silence), {}, {}, {}};
}

Header of_kind(Kind kind) {
  Header header;
  header.kind = kind;
  return header;
}

Header verdict_header(const Result<std::string>& verdict) {
  if (verdict) return of_kind(Kind::answer);
  Header header = of_kind(Kind::error);
  header.error = verdict.error();
  return header;
}

Error peers_error(const Header& header) {
  return header.error.value_or(Error{ErrorKind::failed, "the other end gave up without a word", {}, {}, {}});
}

}  // namespace

Result<void> send_opening(Link& link, std::string_view name, std::string_view body, Deadline deadline,
                          const std::stop_token& stop_token) {
  const os::StopSignal stop{stop_token};
  Header header = of_kind(Kind::ask);
  header.name = name;
  if (body.size() > max_body) return fail(ErrorKind::invalid, "an opening of more than 1 MiB");
  return send_frame(link, header, body, deadline, stop);
}

Result<Opening> receive_opening(Link& link, Deadline deadline, const std::stop_token& stop_token) {
  const os::StopSignal stop{stop_token};
  Frame frame = TRY(receive_frame(link, deadline, stop));
  if (frame.header.kind != Kind::ask) return fail(ErrorKind::unreachable, "a stream that does not say what it is");
  return Opening{std::move(frame.header.name), std::move(frame.body)};
}

struct StreamWriter::State {
  State(Link& link_in, const Timing& timing_in, const std::stop_token& stop_in)
      : link{link_in}, timing{timing_in}, stop{stop_in} {
    const auto& known = link.peer.capabilities;
    if (std::ranges::find(known, zstd_capability) != known.end()) compressor.emplace();
  }

  Result<void> send_block(std::string_view block);
  Result<void> send(const Header& header, std::string_view body);
  Result<void> push(std::string_view head, std::string_view body);
  Result<void> listen();
  Result<void> tend();
  Result<void> wait_for_verdict(Deadline deadline);
  Error fail_with(Error error);
  [[nodiscard]] Deadline silent_until() const { return {heard + timing.stream_silence}; }

  Link& link;
  Timing timing;
  os::StopSignal stop;
  os::StopSignal never{{}};
  std::mutex mutex;  // all below, and both descriptors: tend() has a thread of its own
  Steady::time_point heard = os::now();
  Steady::time_point said = os::now();
  Millis patience = timing.stall;
  bool leaving = false;  // last words: a stop does not keep them back
  bool cut_off = false;  // in the middle of a frame: whatever followed would be taken for the rest of it
  Decoder decoder;
  std::optional<Result<std::string>> verdict;
  std::optional<Compressor> compressor;  // when the reader understands it
  Digest digest;
  Bytes total = 0;
};

// Reads what has come back; an Error of the reader's ends the writing at once.
Result<void> StreamWriter::State::listen() {
  const std::size_t count = TRY(os::read_some(link.channel.in.get(), decoder.space(), silent_until(), stop));
  if (count == 0) return fail(ErrorKind::unreachable, "the reader closed the stream");
  heard = os::now();
  TRY(decoder.commit(count));
  auto frame = decoder.next();
  if (!frame) return {};
  if (frame->header.kind == Kind::answer) verdict = std::move(frame->body);
  if (frame->header.kind != Kind::error) return {};
  verdict = fail(peers_error(frame->header));
  return fail(verdict->error());
}

Result<void> StreamWriter::State::push(std::string_view head, std::string_view body) {
  if (cut_off) return fail(ErrorKind::interrupted, "the last frame was not written to its end");
  Deadline stalled = os::deadline_in(patience);
  while (!head.empty() || !body.empty()) {
    const Deadline until{std::min(stalled.at, silent_until().at)};
    switch (os::wait_ready(link.channel.in.get(), link.channel.out.get(), until, leaving ? never : stop)) {
      case os::Ready::first:
        TRY(listen());
        break;
      case os::Ready::second: {
        const std::size_t written = TRY(os::write_some(link.channel.out.get(), head, body));
        const std::size_t of_head = std::min(written, head.size());
        head.remove_prefix(of_head);
        body.remove_prefix(written - of_head);
        cut_off = !head.empty() || !body.empty();
        stalled = os::deadline_in(patience);
        said = os::now();
        break;
      }
      case os::Ready::stopped:
        return fail(ErrorKind::interrupted, "the stream was stopped");
      case os::Ready::timed_out:
        if (stalled.passed(os::now())) return fail(ErrorKind::timed_out, "stalled");
        return fail(no_sign_of_life(timing.stream_silence));
    }
  }
  return {};
}

// Takes what came, and says that we are there when nothing else has said it for a while.
Result<void> StreamWriter::State::tend() {
  // After the verdict comes the end, which then is no failure.
  while (!verdict && os::wait_ready(link.channel.in.get(), -1, Deadline{os::now()}, stop) == os::Ready::first)
    TRY(listen());
  if (verdict) return {};
  if (silent_until().passed(os::now())) return fail(no_sign_of_life(timing.stream_silence));
  if (os::now() - said >= timing.beat) TRY(push(encode_head(of_kind(Kind::beat), 0), {}));
  return {};
}

Result<void> StreamWriter::State::wait_for_verdict(Deadline deadline) {
  while (!verdict) {
    const Deadline until{std::min(deadline.at, os::deadline_in(timing.beat).at)};
    const auto ready = os::wait_ready(link.channel.in.get(), -1, until, stop);
    if (ready == os::Ready::stopped) return fail(ErrorKind::interrupted, "stopped while waiting for the verdict");
    if (ready == os::Ready::first) TRY(listen());
    if (verdict) break;
    if (deadline.passed(os::now())) return fail(ErrorKind::timed_out, "the reader's verdict did not come in time");
    TRY(tend());
  }
  return {};
}

// A broken pipe may have a better reason behind it, sent just before.
Error StreamWriter::State::fail_with(Error error) {
  while (error.kind == ErrorKind::unreachable && !verdict && listen()) {
  }
  if (verdict && !*verdict) return verdict->error();
  if (error.kind == ErrorKind::unreachable) return lost(link.channel, link.peer_name, error.what);
  return in_words(std::move(error), link.peer_name, timing.stall);
}

Result<void> StreamWriter::State::send(const Header& header, std::string_view body) {
  if (verdict && !*verdict) return fail(verdict->error());
  auto pushed = push(encode_head(header, body.size()), body);
  if (pushed) return {};
  return fail(fail_with(std::move(pushed).error()));
}

Result<void> StreamWriter::State::send_block(std::string_view block) {
  Header header = of_kind(Kind::data);
  const auto smaller = compressor ? compressor->compress(block) : std::nullopt;
  if (smaller) header.plain = block.size();
  TRY(send(header, smaller.value_or(block)));
  digest.add(block);
  total += block.size();
  return {};
}

StreamWriter::StreamWriter(Link& link, const Timing& timing, const std::stop_token& stop)
    : state_{std::make_unique<State>(link, timing, stop)} {}
StreamWriter::~StreamWriter() = default;

Result<void> StreamWriter::write(std::span<const char> bytes) {
  const std::lock_guard lock{state_->mutex};
  std::string_view rest{bytes.data(), bytes.size()};
  while (!rest.empty()) {
    const auto part = rest.substr(0, max_body);
    TRY(state_->send_block(part));
    rest.remove_prefix(part.size());
  }
  return {};
}

Result<std::string> StreamWriter::finish(Deadline verdict_deadline) {
  Header end = of_kind(Kind::end);
  end.total = state_->total;
  end.digest = state_->digest.value();
  const std::lock_guard lock{state_->mutex};
  TRY(state_->send(end, {}));
  auto came = state_->wait_for_verdict(verdict_deadline);
  if (!came && came.error().kind == ErrorKind::unreachable) return fail(state_->fail_with(std::move(came).error()));
  if (!came && !state_->verdict) return fail(std::move(came).error());
  return *state_->verdict;
}

Result<void> StreamWriter::tend() {
  const std::lock_guard lock{state_->mutex};
  if (state_->verdict) return fail(ErrorKind::interrupted, "the stream is over");
  auto tended = state_->tend();
  if (tended) return tended;
  return fail(state_->fail_with(std::move(tended).error()));
}

void StreamWriter::abort(const Error& error) {
  const std::lock_guard lock{state_->mutex};
  state_->patience = state_->timing.farewell;
  state_->leaving = true;
  const auto sent = state_->send(verdict_header(fail(error)), {});
  static_cast<void>(sent);  // the reader sees the end of the connection anyway
}

Bytes StreamWriter::total() const { return state_->total; }

struct StreamReader::State {
  State(Link& link_in, const Timing& timing_in, const std::stop_token& stop_in)
      : link{link_in}, timing{timing_in}, stop{stop_in} {}

  Result<std::size_t> take(std::span<char> into);
  Result<void> fill(std::span<char> into);
  Result<Header> next_header();
  Result<void> next_data();
  Result<void> take_end(const Header& header);
  Result<void> unpack(std::size_t size);
  Result<void> skip(std::size_t size);
  std::size_t hand_out(std::span<char> into);
  Result<std::size_t> read(std::span<char> into);

  Link& link;
  Timing timing;
  os::StopSignal stop;
  std::mutex writing;    // the descriptor to the writer: beat() has a thread of its own
  Deadline stalled;      // of the read() under way
  std::size_t left = 0;  // of the body of the current data frame
  std::size_t body = 0;  // of the frame whose header was read last
  Decompressor decompressor;
  std::string packed;         // a compressed block as it came
  std::string block;          // … and as it was
  std::string_view unpacked;  // what of `block` nobody has read yet
  bool ended = false;
  bool told = false;  // the writer said itself why it failed
  Digest digest;
  Bytes total = 0;
};

Result<std::size_t> StreamReader::State::take(std::span<char> into) {
  const Deadline until{std::min(stalled.at, os::deadline_in(timing.stream_silence).at)};
  auto count = os::read_some(link.channel.in.get(), into, until, stop);
  if (count || count.error().kind != ErrorKind::timed_out || stalled.passed(os::now())) return count;
  return fail(no_sign_of_life(timing.stream_silence));
}

Result<void> StreamReader::State::fill(std::span<char> into) {
  while (!into.empty()) {
    const std::size_t count = TRY(take(into));
    if (count == 0) return fail(ErrorKind::unreachable, "the stream was cut after " + human_bytes(total));
    into = into.subspan(count);
  }
  return {};
}

Result<Header> StreamReader::State::next_header() {
  std::string bytes(prefix_size, '\0');
  TRY(fill(bytes));
  const Prefix prefix = TRY(decode_prefix(bytes));
  bytes.assign(prefix.header_size, '\0');
  TRY(fill(bytes));
  body = prefix.body_size;
  return decode_header(bytes);
}

Result<void> StreamReader::State::skip(std::size_t size) {
  std::string ignored(size, '\0');
  return fill(ignored);
}

Result<void> StreamReader::State::unpack(std::size_t size) {
  if (size > max_body) return fail(ErrorKind::unreachable, "a compressed block of an impossible size");
  packed.resize(body);
  block.resize(size);
  TRY(fill(packed));
  TRY(decompressor.decompress(packed, block));
  unpacked = block;
  return {};
}

Result<void> StreamReader::State::take_end(const Header& header) {
  if (header.total != total) {
    return fail(ErrorKind::failed,
                "the stream has " + std::to_string(total) + " bytes, its writer sent " + std::to_string(header.total));
  }
  if (header.digest != digest.value()) {
    return fail(ErrorKind::failed, "the stream was damaged on its way: its digest is another");
  }
  ended = true;
  return {};
}

Result<void> StreamReader::State::next_data() {
  const Header header = TRY(next_header());
  switch (header.kind) {
    case Kind::data:
      if (header.plain != 0) return unpack(header.plain);
      left = body;
      return {};
    case Kind::end:
      return take_end(header);
    case Kind::error:
      told = true;
      return fail(peers_error(header));
    case Kind::hello:
    case Kind::ask:
    case Kind::answer:
    case Kind::cancel:
    case Kind::beat:
    case Kind::progress:
    case Kind::unknown:
      return skip(body);
  }
  return {};
}

std::size_t StreamReader::State::hand_out(std::span<char> into) {
  const std::size_t count = unpacked.copy(into.data(), into.size());
  unpacked.remove_prefix(count);
  digest.add({into.data(), count});
  total += count;
  return count;
}

Result<std::size_t> StreamReader::State::read(std::span<char> into) {
  stalled = os::deadline_in(timing.stall);
  while (left == 0 && unpacked.empty() && !ended) {
    // Frames that carry nothing of it may come without end.
    if (stalled.passed(os::now())) return fail(ErrorKind::timed_out, "stalled");
    TRY(next_data());
  }
  if (ended || into.empty()) return std::size_t{0};
  if (!unpacked.empty()) return hand_out(into);
  const auto place = into.first(std::min(into.size(), left));
  const std::size_t count = TRY(take(place));
  if (count == 0) return fail(ErrorKind::unreachable, "the stream was cut after " + human_bytes(total));
  digest.add({place.data(), count});
  left -= count;
  total += count;
  return count;
}

StreamReader::StreamReader(Link& link, const Timing& timing, const std::stop_token& stop)
    : state_{std::make_unique<State>(link, timing, stop)} {}
StreamReader::~StreamReader() = default;

Result<std::size_t> StreamReader::read(std::span<char> into) {
  auto count = state_->read(into);
  if (count || state_->told) return count;
  if (count.error().kind == ErrorKind::unreachable) {
    return fail(lost(state_->link.channel, state_->link.peer_name, count.error().what));
  }
  return fail(in_words(std::move(count).error(), state_->link.peer_name, state_->timing.stall));
}

Result<void> StreamReader::beat() {
  const std::lock_guard lock{state_->writing};
  const auto frame = encode_head(of_kind(Kind::beat), 0);
  return os::write_all(state_->link.channel.out.get(), frame, os::deadline_in(state_->timing.beat), state_->stop);
}

Result<void> StreamReader::conclude(const Result<std::string>& verdict) {
  const std::lock_guard lock{state_->writing};
  const std::string_view body = verdict ? std::string_view{*verdict}.substr(0, max_body) : std::string_view{};
  return send_frame(state_->link, verdict_header(verdict), body, os::deadline_in(state_->timing.stream_silence),
                    state_->stop);
}

Bytes StreamReader::total() const { return state_->total; }

}  // namespace dugong::wire
