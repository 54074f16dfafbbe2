// Carrying out a plan, step by step. Each kind of step has one function; none of them decides anything.
#include <fmt/format.h>
#include <optional>
#include <thread>

#include "engine/door.h"
#include "engine/engine.h"
#include "engine/steps.h"
#include "engine/waits.h"

namespace dugong::engine {
namespace {

struct Runner {
  Context& context;
  const spec::Node& node;

  template <class Question>
  Result<> tell(Question question, Millis timeout) {
    TRY(ask(context, node.name, std::move(question), timeout));
    return {};
  }

  Result<> operator()(const cluster::MakeDirectory& a) {
    return tell(node::MakeDirectory{a.path, a.mode, a.uid, a.gid}, quick);
  }
  Result<> operator()(const cluster::WriteFile& a) {
    return tell(node::WriteFile{a.path, {a.content.reveal()}, a.mode, a.uid, a.gid}, quick);
  }
  Result<> operator()(const cluster::CleanData& a) {
    return tell(node::RemovePaths{a.data, a.cleanup.files, a.cleanup.emptied_dirs}, patient);
  }
  Result<> operator()(const cluster::RemoveDirectory& a) {
    return tell(node::RemoveDirectory{a.path, a.contents, a.mount_points}, quick);
  }
  Result<> operator()(const cluster::InstallWalClient& a) { return tell(node::InstallWalClient{a.directory}, quick); }
  Result<> operator()(const zfs::Create& a) { return tell(a, quick); }
  Result<> operator()(const zfs::Clone& a) { return tell(a, quick); }
  Result<> operator()(const zfs::Destroy& a) { return tell(a, patient); }
  Result<> operator()(const zfs::DestroySnapshot& a) { return tell(a, patient); }
  Result<> operator()(const zfs::Rollback& a) { return tell(a, patient); }
  Result<> operator()(const zfs::Hold& a) { return tell(a, quick); }
  Result<> operator()(const zfs::Release& a) { return tell(a, quick); }
  Result<> operator()(const zfs::SetProperties& a) { return tell(a, quick); }
  Result<> operator()(const zfs::ClearMarks& a) { return tell(a, quick); }
  Result<> operator()(const runtime::RetireContainer& a) { return tell(a, patient); }
  Result<> operator()(const runtime::ReturnContainer& a) { return tell(a, quick); }
  Result<> operator()(const cluster::RenameFile& a) { return tell(node::RenameFile{a.from, a.to}, quick); }
  Result<> operator()(const zfs::Mount& a) { return tell(a, quick); }
  Result<> operator()(const zfs::Unmount& a) { return tell(a, quick); }
  Result<> operator()(const runtime::InitData& a) { return tell(a, patient); }
  Result<> operator()(const runtime::StartServer& a) { return tell(a, patient); }
  Result<> operator()(const runtime::StopServer& a) { return tell(a, patient); }
  Result<> operator()(const runtime::RemoveServer& a) { return tell(a, quick); }
  Result<> operator()(const cluster::RunQuery& a) {
    TRY(query(context, node.name, a.database, {a.query, a.parameters}, patient));
    return {};
  }
  Result<> operator()(const cluster::SetPassword& a) { return set_password(context, node, a); }
  Result<> operator()(const cluster::WaitReady&) { return wait_ready(context, node); }
  Result<> operator()(const cluster::ProveArchive& a) { return prove_archive(context, node, a); }
  Result<> operator()(const cluster::TakeSnapshot& a) { return take_snapshot(context, node, a); }
  Result<> operator()(const cluster::CopySnapshot& a) { return copy_snapshot(context, node, a); }
  Result<> operator()(const cluster::RegisterNode& a) { return tell(node::RegisterNode{a.name, a.directory}, quick); }
  Result<> operator()(const cluster::ForgetNode& a) { return tell(node::ForgetNode{a.name}, quick); }
  Result<> operator()(const cluster::WaitStreaming& a) { return wait_streaming(context, node, a.upstream); }
};

// Again helps against what passes by itself; what a server refuses, it refuses again.
std::string next_after(const cluster::Action& action, const Error& error) {
  const bool refused_by_server = std::holds_alternative<cluster::RunQuery>(action) && error.kind == ErrorKind::failed;
  return refused_by_server ? "mend what the server says, then run the same command again: what is done stays done"
                           : "run the same command again: what is done stays done";
}

Result<> run(Context& context, const cluster::Plan& plan, std::size_t index) {
  const auto& step = plan.steps[index];
  const auto text = step.node + ": " + cluster::describe(step.action);
  const auto total = plan.steps.size();
  context.emit(StepStarted{index + 1, total, text});
  const auto began = context.clock.now();
  auto result = std::visit(Runner{context, *context.spec.find(step.node)}, step.action);
  if (!result) {
    auto error = std::move(result).error();
    const bool out_of_reach = error.kind == ErrorKind::interrupted || error.kind == ErrorKind::unreachable;
    if (step.may_fail && !out_of_reach) {
      context.emit(Warning{text + ": " + error.what});
      return {};
    }
    if (error.where.find(step.node) == std::string::npos) error = std::move(error).at(step.node);
    if (error.next.empty()) error.next = next_after(step.action, error);
    return fail(std::move(error));
  }
  const double seconds = std::chrono::duration<double>(context.clock.now() - began).count();
  context.emit(StepDone{index + 1, total, text, seconds, {}});
  return {};
}

bool is_copy(const cluster::Step& step) { return std::holds_alternative<cluster::CopySnapshot>(step.action); }

// Copies that stand side by side in a plan go to different nodes and run at the same time.
Result<> run_copies(Context& context, const cluster::Plan& plan, std::size_t first, std::size_t last) {
  std::vector<Result<>> results(last - first);
  {
    std::vector<std::jthread> runners;
    for (std::size_t i = first; i < last; ++i)
      runners.emplace_back([&, i] { results[i - first] = run(context, plan, i); });
  }
  for (auto& result : results) TRY(std::move(result));
  return {};
}

}  // namespace

Result<> execute(Context& context, const cluster::Plan& plan) {
  for (std::size_t at = 0; at < plan.steps.size();) {
    if (context.stop.stop_requested())
      return fail(ErrorKind::interrupted, "interrupted", "run the same command again: it goes on where this ended");
    std::size_t end = at + 1;
    while (is_copy(plan.steps[at]) && end < plan.steps.size() && is_copy(plan.steps[end])) ++end;
    if (end - at > 1)
      TRY(run_copies(context, plan, at, end));
    else
      TRY(run(context, plan, at));
    at = end;
  }
  return {};
}

}  // namespace dugong::engine
