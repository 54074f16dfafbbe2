// The ends of a copy that are processes of this machine.
#include "node/copy.h"
#include "node/linked_stop.h"
#include "node/stream_kind.h"

namespace dugong::node {
namespace {

class ZfsSource final : public SourceEnd {
 public:
  ZfsSource(ZfsProcess process, const EndOptions& options)
      : stop_{options.stop},
        process_{std::move(process)},
        from_{process_.data_fd(), options.timing.stall, stop_.token()} {}

  Result<std::size_t> read(std::span<char> into) override { return from_.read(into); }
  Result<> complete(Deadline deadline) override { return process_.finish(deadline, stop_.token()); }
  void conclude(const Result<>&) override {}
  void halt(const Error&) override { stop_.request(); }
  std::string abandon(const Error&) override {
    process_.end();  // it was cut off: its complaint about that says nothing
    return process_.stuck();
  }

 private:
  LinkedStop stop_;
  ZfsProcess process_;
  transfer::FdSource from_;
};

class ZfsSink final : public SinkEnd {
 public:
  ZfsSink(ZfsProcess process, const EndOptions& options)
      : stop_{options.stop}, process_{std::move(process)}, to_{process_.data_fd(), options.timing.stall, stop_} {}

  Result<> write(std::span<const char> bytes) override {
    if (judged_) return to_.write(bytes);
    head_.append(bytes.data(), bytes.size());
    return head_.size() < stream_head ? Result<>{} : pass_head();
  }
  Result<> complete(Deadline deadline) override {
    if (!judged_)  // shorter than any stream: zfs says so
      if (auto passed = pass_head(); !passed) return fail(explain(std::move(passed).error()));
    auto ended = process_.finish(deadline, stop_);
    if (ended || ended.error().kind == ErrorKind::failed) return ended;
    auto error = std::move(ended).error();
    process_.end();
    error.left = process_.stuck();
    return fail(std::move(error));
  }
  Error explain(Error write_failure) override {
    // What we refused to pass on, or stopped ourselves: its complaint about that says nothing.
    const bool ours = write_failure.kind == ErrorKind::interrupted || write_failure.kind == ErrorKind::timed_out ||
                      write_failure.kind == ErrorKind::refused;
    auto own = process_.end();
    auto error = own && !ours ? std::move(*own) : std::move(write_failure);
    if (!process_.stuck().empty()) error.left = process_.stuck();
    return error;
  }
  std::string abandon(const Error&) override {
    process_.end();  // "incomplete stream" is what it says, and we know
    return process_.stuck();
  }

 private:
  Result<> pass_head() {
    TRY(judge_stream(head_));
    judged_ = true;
    return to_.write(head_);
  }

  std::stop_token stop_;
  ZfsProcess process_;
  transfer::FdSink to_;
  std::string head_;  // until it is long enough to tell what the stream is
  bool judged_ = false;
};

// zfs receive has work to do when its stream was cut: it takes back what it had received.
Millis grace(const EndOptions& options) { return options.timing.farewell * 4; }

}  // namespace

Result<std::unique_ptr<SourceEnd>> local_source(Node& local, const zfs::Send& send, const EndOptions& options) {
  auto process = TRY(ZfsProcess::start(local, send, grace(options), options.deadline, options.stop));
  return std::make_unique<ZfsSource>(std::move(process), options);
}
Result<std::unique_ptr<SinkEnd>> local_sink(Node& local, const zfs::Receive& receive, const EndOptions& options) {
  auto process = TRY(ZfsProcess::start(local, receive, grace(options), options.deadline, options.stop));
  return std::make_unique<ZfsSink>(std::move(process), options);
}

}  // namespace dugong::node
