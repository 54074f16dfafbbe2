// The ends of a copy that are processes of this machine.
#include "node/copy.h"
#include "node/linked_stop.h"

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

  Result<> write(std::span<const char> bytes) override { return to_.write(bytes); }
  Result<> complete(Deadline deadline) override {
    auto ended = process_.finish(deadline, stop_);
    if (ended || ended.error().kind == ErrorKind::failed) return ended;
    auto error = std::move(ended).error();
    process_.end();
    error.left = process_.stuck();
    return fail(std::move(error));
  }
  Error explain(Error write_failure) override {
    const bool cut_off = write_failure.kind == ErrorKind::interrupted || write_failure.kind == ErrorKind::timed_out;
    auto own = process_.end();
    auto error = own && !cut_off ? std::move(*own) : std::move(write_failure);
    if (!process_.stuck().empty()) error.left = process_.stuck();
    return error;
  }
  std::string abandon(const Error&) override {
    process_.end();  // "incomplete stream" is what it says, and we know
    return process_.stuck();
  }

 private:
  std::stop_token stop_;
  ZfsProcess process_;
  transfer::FdSink to_;
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
