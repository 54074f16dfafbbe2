// zfs and zpool. Their exit codes lie both ways (created, but not mounted: 1; already there: sometimes 0), so what a
// command was to bring about is looked for afterwards.
#include <algorithm>
#include <fmt/format.h>
#include <thread>

#include "base/text.h"
#include "node/local_doors.h"
#include "node/marked.h"
#include "node/mount_guard.h"
#include "node/policy_rules.h"
#include "os/clock.h"
#include "os/files.h"
#include "os/processes.h"
#include "zfs/commands.h"
#include "zfs/marks.h"

namespace dugong::node {
namespace {

Result<os::Output> run_zfs(const zfs::Argv& argv, const Call& call) {
  os::Command command;
  command.argv = argv;
  return os::run(std::move(command), call.deadline, call.stop);
}

Result<> succeed(const zfs::Argv& argv, const Call& call) {
  const auto output = TRY(run_zfs(argv, call));
  if (!output.exit.ok()) return fail(zfs::judge_failure(argv, output.exit.code, output.err));
  return {};
}

// What `zfs unmount` and fuser(1) do not show: a container, or a service with mounts of its own, that began with a
// copy.
Error with_other_mounts(Error error, const std::string& dataset) {
  const auto holders = os::processes_mounting(dataset);
  if (holders.empty()) return error;
  const auto& one = holders.front();
  error.what += fmt::format("; it is still mounted for process {} ({})", one.pid, shorten(one.cmdline, 80));
  if (holders.size() > 1) error.what += fmt::format(" and {} others", holders.size() - 1);
  error.next = fmt::format("end it, or run: nsenter -t {} -m umount -l $(findmnt -N {} -no TARGET {})", one.pid,
                           one.pid, dataset);
  return error;
}

// What was let go of a moment ago, a mount, a stream that was killed, may stay busy for a little while: a container's
// mounts go some time after it, later still on a loaded machine.
Result<> succeed_once_free(const zfs::Argv& argv, const Call& call) {
  constexpr Millis patience{12'000};
  constexpr Millis pause{100};
  const auto last = os::deadline_in(patience);
  while (true) {
    const auto output = TRY(run_zfs(argv, call));
    if (output.exit.ok()) return {};
    const bool busy =
        output.err.find(" is busy") != std::string::npos || output.err.find("umount failed") != std::string::npos;
    if (!busy) return fail(zfs::judge_failure(argv, output.exit.code, output.err));
    if (last.passed(os::now()) || os::sleep_for(pause, call.stop) == os::Slept::stopped)
      return fail(with_other_mounts(zfs::judge_failure(argv, output.exit.code, output.err), argv.back()));
  }
}

const zfs::Dataset* find(const std::vector<zfs::Dataset>& all, const std::string& name) {
  const auto it = std::ranges::find(all, name, &zfs::Dataset::name);
  return it == all.end() ? nullptr : &*it;
}

tl::unexpected<Error> no_effect(const zfs::Argv& argv, const std::string& what) {
  return fail(ErrorKind::conflict, argv.at(0) + " " + argv.at(1) + " reported success, but " + what,
              "run the same command again");
}

// Of all that dugong makes only an anchor may lose what came after its last snapshot: nobody ever wrote to it. Whoever
// mounted it may have. zfs looks for newer snapshots too, and destroys what is made a moment after it looked
// (libzfs_dataset.c: zfs_rollback).
Result<> judge_rollback(const std::string& snapshot, const std::vector<zfs::Dataset>& seen) {
  const auto name = zfs::dataset_of(snapshot);
  const auto* dataset = find(seen, name);
  const auto* target = find(seen, snapshot);
  if (dataset == nullptr || target == nullptr) return {};  // zfs tells
  const auto refuse = [&](const std::string& why, std::string next) {
    return fail(Error{ErrorKind::refused, name + " " + why, {}, "nothing was changed", std::move(next)});
  };
  const auto* role = dataset->mark(std::string{zfs::marks::role});
  if (dataset->mark(std::string{zfs::marks::cluster}) == nullptr || role == nullptr || *role != zfs::roles::anchor)
    return refuse("is not marked as what dugong received: it is not rolled back", {});
  if (dataset->mounted) return refuse("is mounted and is not rolled back", "zfs unmount " + name);
  if (dataset->canmount != "noauto" && dataset->canmount != "off")
    return refuse("may be mounted at any time and is not rolled back", "zfs set canmount=noauto " + name);
  for (const auto& one : seen)
    if (one.is_snapshot && zfs::dataset_of(one.name) == name && one.createtxg > target->createtxg)
      return refuse("is not rolled back: " + one.name + " is newer than " + snapshot,
                    "see whose it is; then run the same command again");
  return {};
}

// A failure after which the object is there all the same: the caller's next observation must not be a surprise.
Error with_rest(Error error, bool exists, const std::string& name) {
  if (exists && error.kind != ErrorKind::conflict) error.left = name + " was created and stays";
  return error;
}

}  // namespace

Result<> ZfsDoor::judge_marks(const std::string& name, const Call& call) const {
  if (!policy_ || policy_->prefixes) return {};
  return require_marked(zfs::dataset_of(name), call.deadline, call.stop);
}

// Wherever the mountpoint came from: it may be older than the policy, inherited, or have come with a stream. Under a
// policy where it really is; empty: nowhere.
Result<std::string> ZfsDoor::judge_mountpoint(const zfs::Dataset& dataset, const Call& call) const {
  if (!dataset.mountpoint.starts_with('/')) return std::string{};
  if (policy_) TRY(rules::path(dataset.mountpoint, rules::Use::write, *policy_));
  const auto place = call.places.at(dataset.mountpoint);
  if (TRY(os::stat_file(place)).kind != os::FileKind::symlink) return policy_ ? TRY(judge_way(place)) : std::string{};
  return fail(ErrorKind::refused, dataset.mountpoint + " is a symbolic link: " + dataset.name + " is not mounted there",
              "put a directory there, or another mountpoint into the dataset's properties");
}

Result<std::optional<os::Lock>> ZfsDoor::hold(const Call& call) const {
  if (!policy_) return std::optional<os::Lock>{};
  return std::optional{TRY(hold_mounts(call.deadline, call.stop))};
}

Result<> ZfsDoor::require_right_place(const std::string& dataset, const std::string& where, const Call& call) const {
  if (!policy_) return {};
  auto right = require_mounted_at(dataset, where);
  if (right) return {};
  const auto undone = succeed_once_free(zfs::render(zfs::Unmount{dataset}), call);
  auto error = std::move(right).error();
  error.left = undone ? "it was unmounted again" : "it is still mounted: " + undone.error().what;
  return fail(std::move(error));
}

Result<std::string> ZfsDoor::version_text(const Call& call) {
  const std::lock_guard guard{mutex_};
  if (!version_text_.empty()) return version_text_;
  // With the kernel's module it is OpenZFS, which is most likely to know the first of them; without it, the last.
  std::vector<zfs::Argv> ways{zfs::render_version(), zfs::render_old_version()};
  const auto module = os::stat_file("/sys/module/zfs");
  if (module && module->kind == os::FileKind::missing) std::ranges::reverse(ways);
  Error last;
  for (const auto& argv : ways) {
    const auto output = TRY(run_zfs(argv, call));
    const auto known = zfs::parse_capabilities(output.out);
    if (output.exit.ok() && known) return version_text_ = output.out;
    if (output.exit.ok()) last = known.error();
    if (!output.exit.ok() && argv == zfs::render_old_version())
      last = zfs::judge_failure(argv, output.exit.code, output.err);
  }
  last.what = "the version of ZFS cannot be told: " + last.what;
  return fail(std::move(last));
}

Result<zfs::Pool> ZfsDoor::answer(const zfs::InspectPool& question, const Call& call) {
  const auto version = TRY(version_text(call));
  Result<os::Output> use;
  const auto argv = zfs::render_pool_list(question.pool);
  const auto output = TRY([&] {
    const std::jthread beside{[&] { use = run_zfs(zfs::render_pool_use(question.pool), call); }};
    return run_zfs(argv, call);
  }());
  if (!output.exit.ok()) return fail(zfs::judge_failure(argv, output.exit.code, output.err));
  auto pool = TRY(zfs::parse_pool(output.out, version));
  const auto used = TRY(std::move(use));
  if (used.exit.ok()) zfs::parse_pool_use(used.out, pool);  // a faulted pool still has its health
  return pool;
}

// "dataset does not exist" is said of a pool that is not imported as well (libzfs_util.c: zfs_standard_error_fmt).
Result<> ZfsDoor::require_pool(const std::string& pool, const Call& call) {
  const auto argv = zfs::render_pool_list(pool);
  const auto output = TRY(run_zfs(argv, call));
  if (!output.exit.ok()) return fail(zfs::judge_failure(argv, output.exit.code, output.err));
  return {};
}

Result<std::vector<zfs::Dataset>> ZfsDoor::look(const std::string& name, const Call& call) {
  const auto version = TRY(version_text(call));
  const auto known = TRY(zfs::parse_capabilities(version));
  const auto argv = zfs::render(zfs::ListTree{name}, known);
  const auto output = TRY(run_zfs(argv, call));
  if (output.exit.ok()) return zfs::parse_tree(output.out);
  if (!zfs::says_absent(name, output.err)) return fail(zfs::judge_failure(argv, output.exit.code, output.err));
  TRY(require_pool(zfs::pool_of(name), call));
  return std::vector<zfs::Dataset>{};
}

Result<std::vector<zfs::Dataset>> ZfsDoor::answer(const zfs::ListTree& question, const Call& call) {
  return look(question.root, call);
}

Result<Done> ZfsDoor::answer(const zfs::Create& question, const Call& call) {
  const auto argv = zfs::render(question);
  auto done = succeed(argv, call);
  const auto seen = TRY(look(question.dataset, call));
  const bool exists = find(seen, question.dataset) != nullptr;
  if (!done) return fail(with_rest(std::move(done).error(), exists, question.dataset));
  if (!exists) return no_effect(argv, question.dataset + " does not exist");
  return Done{};
}

Result<Done> ZfsDoor::answer(const zfs::Snapshot& question, const Call& call) {
  TRY(judge_marks(question.snapshot, call));
  const auto argv = zfs::render(question);
  TRY(succeed(argv, call));
  const auto seen = TRY(look(question.snapshot, call));
  if (find(seen, question.snapshot) == nullptr) return no_effect(argv, question.snapshot + " does not exist");
  return Done{};
}

Result<Done> ZfsDoor::answer(const zfs::Clone& question, const Call& call) {
  TRY(judge_marks(question.snapshot, call));
  const auto argv = zfs::render(question);
  auto done = succeed(argv, call);
  const auto seen = TRY(look(question.dataset, call));
  const auto* clone = find(seen, question.dataset);
  if (!done) return fail(with_rest(std::move(done).error(), clone != nullptr, question.dataset));
  if (clone == nullptr) return no_effect(argv, question.dataset + " does not exist");
  if (clone->origin != question.snapshot)
    return no_effect(argv, question.dataset + " came from '" + clone->origin + "', not from " + question.snapshot);
  return Done{};
}

// `zfs destroy` unmounts by itself; here a mounted dataset is one that somebody may be using.
Result<Done> ZfsDoor::answer(const zfs::Destroy& question, const Call& call) {
  TRY(judge_marks(question.dataset, call));
  const auto before = TRY(look(question.dataset, call));
  const auto* dataset = find(before, question.dataset);
  if (dataset != nullptr && dataset->mounted)
    return fail(ErrorKind::refused,
                question.dataset + " is mounted at " + dataset->mountpoint + " and is not destroyed",
                "zfs unmount " + question.dataset);
  const auto argv = zfs::render(question);
  TRY(succeed_once_free(argv, call));
  const auto after = TRY(look(question.dataset, call));
  if (find(after, question.dataset) != nullptr) return no_effect(argv, question.dataset + " is still there");
  return Done{};
}

Result<Done> ZfsDoor::answer(const zfs::DestroySnapshot& question, const Call& call) {
  TRY(judge_marks(question.snapshot, call));
  const auto argv = zfs::render(question);
  TRY(succeed_once_free(argv, call));
  const auto after = TRY(look(question.snapshot, call));
  if (find(after, question.snapshot) != nullptr) return no_effect(argv, question.snapshot + " is still there");
  return Done{};
}

// zfs-fuse drops the machine's page cache when it is done, and fails where it may not (libzfs_dataset.c: zfs_rollback,
// linux_drop_caches); of what was never mounted there is nothing in it. That the head is the snapshot now shows when it
// takes an increment.
Result<Done> ZfsDoor::answer(const zfs::Rollback& question, const Call& call) {
  TRY(judge_marks(question.snapshot, call));
  const auto held = TRY(hold(call));
  const auto before = TRY(look(zfs::dataset_of(question.snapshot), call));
  TRY(judge_rollback(question.snapshot, before));
  auto done = succeed_once_free(zfs::render(question), call);
  if (!done && done.error().what.find("drop_caches failed") == std::string::npos) return fail(std::move(done).error());
  return Done{};
}

Result<Done> ZfsDoor::answer(const zfs::Hold& question, const Call& call) {
  TRY(judge_marks(question.snapshot, call));
  const auto argv = zfs::render(question);
  TRY(succeed(argv, call));
  const auto seen = TRY(look(question.snapshot, call));
  const auto* snapshot = find(seen, question.snapshot);
  if (snapshot == nullptr || snapshot->userrefs == 0) return no_effect(argv, question.snapshot + " is not held");
  return Done{};
}

Result<Done> ZfsDoor::answer(const zfs::Release& question, const Call& call) {
  TRY(judge_marks(question.snapshot, call));
  TRY(succeed(zfs::render(question), call));
  return Done{};
}

// Several commands on a version that takes one property at a time: what was set before a failure stays.
Result<Done> ZfsDoor::answer(const zfs::SetProperties& question, const Call& call) {
  TRY(judge_marks(question.name, call));
  std::size_t set = 0;
  for (const auto& argv : zfs::render(question)) {
    if (auto done = succeed(argv, call); !done) {
      auto error = std::move(done).error();
      if (set > 0) error.left = std::to_string(set) + " of the properties of " + question.name + " were set";
      return fail(std::move(error));
    }
    ++set;
  }
  return Done{};
}

// Nobody is left to forget what was not there: `zfs inherit` of a property that is not set does nothing.
Result<Done> ZfsDoor::answer(const zfs::ClearMarks& question, const Call& call) {
  TRY(judge_marks(question.name, call));
  for (const auto& argv : zfs::render(question)) TRY(succeed(argv, call));
  return Done{};
}

Result<Done> ZfsDoor::answer(const zfs::Mount& question, const Call& call) {
  TRY(judge_marks(question.dataset, call));
  const auto held = TRY(hold(call));
  const auto before = TRY(look(question.dataset, call));
  std::string where;
  if (const auto* dataset = find(before, question.dataset); dataset != nullptr) {
    if (dataset->mounted) return Done{};
    where = TRY(judge_mountpoint(*dataset, call));
  }
  const auto argv = zfs::render(question);
  TRY(succeed(argv, call));
  TRY(require_right_place(question.dataset, where, call));
  const auto after = TRY(look(question.dataset, call));
  const auto* dataset = find(after, question.dataset);
  if (dataset == nullptr || !dataset->mounted) return no_effect(argv, question.dataset + " is not mounted");
  return Done{};
}

Result<Done> ZfsDoor::answer(const zfs::Unmount& question, const Call& call) {
  TRY(judge_marks(question.dataset, call));
  const auto held = TRY(hold(call));
  const auto before = TRY(look(question.dataset, call));
  if (const auto* dataset = find(before, question.dataset); dataset != nullptr && !dataset->mounted) return Done{};
  const auto argv = zfs::render(question);
  TRY(succeed_once_free(argv, call));
  const auto after = TRY(look(question.dataset, call));
  const auto* dataset = find(after, question.dataset);
  if (dataset != nullptr && dataset->mounted) return no_effect(argv, question.dataset + " is still mounted");
  return Done{};
}

}  // namespace dugong::node
