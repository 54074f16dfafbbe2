// The ends of a copy that are at the other side of a data session.
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "node/copy.h"
#include "node/linked_stop.h"
#include "os/clock.h"

namespace dugong::node {
namespace {

class LinkSource final : public SourceEnd {
 public:
  LinkSource(wire::Link link, const EndOptions& options)
      : farewell_{options.timing.farewell * 4},
        link_{std::move(link)},
        stop_{options.stop},
        reader_{link_, options.timing, stop_.token()},
        keeper_{[this, beat = options.timing.beat](const std::stop_token& over) {
          while (os::sleep_for(beat, over) == os::Slept::whole && reader_.beat()) {
          }
        }} {}

  Result<std::size_t> read(std::span<char> into) override { return reader_.read(into); }
  Result<> complete(Deadline) override { return {}; }  // read() gave 0 only after total and digest were right
  void conclude(const Result<>& outcome) override {
    static_cast<void>(outcome ? reader_.conclude(std::string{}) : reader_.conclude(fail(outcome.error())));
  }
  // The writer is told, and its own last frame then ends our read. A stop at once would keep us from telling.
  void halt(const Error& why) override {
    const std::lock_guard guard{telling_};
    tell(why);
    if (late_stop_.joinable()) return;
    late_stop_ = std::jthread{[this](const std::stop_token& over) {
      if (os::sleep_for(farewell_, over) == os::Slept::whole) stop_.request();
    }};
  }
  std::string abandon(const Error& why) override {
    const std::lock_guard guard{telling_};
    tell(why);
    return {};
  }

 private:
  void tell(const Error& why) {
    if (told_) return;
    told_ = true;
    static_cast<void>(reader_.conclude(fail(why)));  // best effort; closing the link says it too
  }

  Millis farewell_;  // how long the far end may take to stop once it was told why
  wire::Link link_;
  LinkedStop stop_;
  wire::StreamReader reader_;
  std::mutex telling_;  // the two below: the sink's watcher and the pump may both find it gone
  bool told_ = false;
  std::jthread late_stop_;  // these two last: joined before what they use is gone
  std::jthread keeper_;     // says that we are there, also while nothing is read
};

class LinkSink final : public SinkEnd {
 public:
  LinkSink(wire::Link link, const EndOptions& options)
      : link_{std::move(link)},
        writer_{link_, options.timing, options.stop},
        keeper_{[this, beat = options.timing.beat](const std::stop_token& over) { keep(beat, over); }} {}

  Result<> write(std::span<const char> bytes) override { return writer_.write(bytes); }
  Result<> complete(Deadline deadline) override {
    TRY(writer_.finish(deadline));
    return {};
  }
  Error explain(Error write_failure) override {
    writer_.abort(write_failure);
    return write_failure;
  }
  std::string abandon(const Error& why) override {
    writer_.abort(why);
    return {};
  }
  void watch(const std::function<void()>& gone) override {
    const std::lock_guard guard{mutex_};
    if (words_)
      gone();
    else
      gone_ = gone;
  }
  bool unwatch() override {
    const std::lock_guard guard{mutex_};
    gone_ = {};
    return words_.has_value();
  }
  Error last_words() override {
    const std::lock_guard guard{mutex_};
    return words_.value_or(Error{});
  }

 private:
  // Before the end of the stream the reader has nothing to say but that it is there, or why it is not.
  void keep(Millis beat, const std::stop_token& over) {
    const os::StopSignal stop{over};
    while (os::wait_ready(link_.channel.in.get(), -1, os::deadline_in(beat), stop) != os::Ready::stopped) {
      auto tended = writer_.tend();
      if (tended) continue;
      const std::lock_guard guard{mutex_};
      words_ = std::move(tended).error();
      if (gone_) gone_();
      return;
    }
  }

  wire::Link link_;
  wire::StreamWriter writer_;
  std::mutex mutex_;  // the two below
  std::optional<Error> words_;
  std::function<void()> gone_;
  std::jthread keeper_;  // last: joined before what it uses is gone
};

}  // namespace

// ssh reads and writes in its own rhythm: with the usual 64 KiB between us, either waits for the other all the time.
std::unique_ptr<SourceEnd> link_source(wire::Link link, const EndOptions& options) {
  os::enlarge_pipe(link.channel.in.get());
  return std::make_unique<LinkSource>(std::move(link), options);
}
std::unique_ptr<SinkEnd> link_sink(wire::Link link, const EndOptions& options) {
  os::enlarge_pipe(link.channel.out.get());
  return std::make_unique<LinkSink>(std::move(link), options);
}

}  // namespace dugong::node
