#include "node/zfs_process.h"

#include <fmt/format.h>

#include "os/clock.h"

namespace dugong::node {
namespace {

constexpr Millis last_words{500};

const std::string& object_of(const zfs::Send& send) { return send.snapshot; }
const std::string& object_of(const zfs::Receive& receive) { return receive.dataset; }

}  // namespace

Result<ZfsProcess> ZfsProcess::start(Node& local, const StreamRequest& request, Millis grace, Deadline deadline,
                                     const std::stop_token& stop) {
  const auto pool_name = std::visit([](const auto& end) { return zfs::pool_of(object_of(end)); }, request);
  const auto pool = TRY(ask(local, zfs::InspectPool{pool_name}, deadline, stop));
  const bool sends = std::holds_alternative<zfs::Send>(request);
  ZfsProcess process;
  process.grace_ = grace;
  process.argv_ = std::visit([&](const auto& end) { return zfs::render(end, pool); }, request);

  os::Command command;
  command.argv = process.argv_;
  command.in = sends ? os::Stdio::null : os::Stdio::pipe;
  command.out = sends ? os::Stdio::pipe : os::Stdio::null;
  process.child_ = TRY(os::spawn(command));
  process.data_ = std::move(sends ? process.child_.out : process.child_.in);
  process.err_ = std::make_unique<wire::StderrTail>(std::move(process.child_.err));
  os::enlarge_pipe(process.data_.get());
  return process;
}

Error ZfsProcess::words(os::Exit exit) const {
  const auto text = err_->final_text(last_words);
  if (exit.signal == 0) return zfs::judge_failure(argv_, exit.code, text);
  return Error{
      ErrorKind::failed, fmt::format("{} {}: {} {}", argv_.at(0), argv_.at(1), os::to_string(exit), text), {}, {}, {}};
}

Result<> ZfsProcess::finish(Deadline deadline, const std::stop_token& stop) {
  data_.close();
  const auto exit = TRY(child_.wait(deadline, stop));
  if (!exit.ok()) return fail(words(exit));
  return {};
}

std::optional<Error> ZfsProcess::end() {
  data_.close();
  const auto exit = child_.wait(os::deadline_in(grace_));
  if (exit) return exit->ok() ? std::nullopt : std::optional{words(*exit)};
  if (!child_.terminate(grace_)) {
    stuck_ = fmt::format("{} {} (pid {}) still runs and cannot be killed", argv_.at(0), argv_.at(1), child_.pid());
  }
  return std::nullopt;
}

}  // namespace dugong::node
