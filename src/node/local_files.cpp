// Files and directories of the host, through the one door to them in os.
#include <algorithm>

#include "base/text.h"
#include "node/local_doors.h"
#include "node/mount_guard.h"
#include "os/files.h"
#include "os/processes.h"

namespace dugong::node {
namespace {

constexpr Bytes largest_program = Bytes{64} << 20;
constexpr Bytes largest_answer = Bytes{16} << 20;

FileFacts facts_of(const os::Stat& stat) {
  FileFacts facts;
  facts.exists = stat.kind != os::FileKind::missing;
  facts.is_directory = stat.kind == os::FileKind::directory;
  facts.size = stat.size;
  facts.mode = stat.mode;
  facts.uid = stat.uid;
  facts.gid = stat.gid;
  return facts;
}

Result<std::vector<std::string>> names_in(const os::Place& directory, std::uint64_t limit) {
  std::vector<std::string> names;
  for (auto& entry : TRY(os::list_directory(directory))) {
    if (entry.name.size() > limit) break;
    limit -= entry.name.size();
    names.push_back(std::move(entry.name));
  }
  return names;
}

// "pg_wal/archive_status": below the root whatever happens, and not the root itself.
Result<os::Place> below(const os::Place& root, const std::string& relative) {
  const auto parts = split(relative, '/');
  const auto leads_out = [](std::string_view part) { return part.empty() || part == "." || part == ".."; };
  if (!root.path.starts_with('/') || std::ranges::any_of(parts, leads_out))
    return fail(ErrorKind::invalid,
                "'" + printable(relative) + "' does not name something below " + printable(root.path));
  return os::Place{root.root, root.path + "/" + relative};
}

Result<> nobody_works_in(const std::string& directory) {
  const auto processes = TRY(os::processes_using(directory));
  const auto it = std::ranges::find(processes, "working directory", &os::Process::use);
  if (it == processes.end()) return {};
  return fail(ErrorKind::refused,
              "process " + std::to_string(it->pid) + " (" + it->comm + ") works in " + directory +
                  ": nothing is removed from the data of a running server",
              "stop it first");
}

}  // namespace

void Owners::add(std::uint32_t uid, std::uint32_t gid) {
  const std::lock_guard guard{mutex_};
  uids_.insert(uid);
  gids_.insert(gid);
}

Result<> Owners::judge(std::uint32_t uid, std::uint32_t gid) const {
  const std::lock_guard guard{mutex_};
  if (known_ == Known::and_others || (uids_.contains(uid) && gids_.contains(gid))) return {};
  return fail(Error{ErrorKind::refused,
                    "user " + std::to_string(uid) + " and group " + std::to_string(gid) +
                        " are neither root's nor those of a PostgreSQL that was asked for",
                    {},
                    "nothing was changed",
                    {}});
}

Result<FileFacts> FileDoor::answer(const ReadFile& question, const Call& call) {
  const auto place = call.places.at(question.path);
  const auto limit = std::min<Bytes>(question.limit, largest_answer);
  const auto stat = TRY(os::stat_file(place));
  auto facts = facts_of(stat);
  switch (stat.kind) {
    case os::FileKind::directory:
      if (limit > 0) facts.entries = TRY(names_in(place, limit));
      return facts;
    case os::FileKind::file: {
      auto content = TRY(os::read_file(place, limit));
      facts = facts_of(content.stat);
      facts.content.bytes = std::move(content.bytes);
      return facts;
    }
    case os::FileKind::missing:
    case os::FileKind::symlink:
    case os::FileKind::other:
      return facts;
  }
  return facts;
}

Result<Done> FileDoor::answer(const WriteFile& question, const Call& call) const {
  TRY(owners.judge(question.uid, question.gid));
  TRY(os::write_file(call.places.at(question.path), question.content.bytes,
                     {.mode = question.mode, .uid = question.uid, .gid = question.gid}));
  return Done{};
}

// By a second name first: an existing file is never replaced, and cut off in between the file has both.
Result<Done> FileDoor::answer(const RenameFile& question, const Call& call) {
  const auto from = call.places.at(question.from);
  const auto to = call.places.at(question.to);
  const auto before = TRY(os::stat_file(from));
  if (before.kind == os::FileKind::missing) return Done{};
  if (before.kind != os::FileKind::file)
    return fail(ErrorKind::refused, question.from + " is not a file", "look at it: ls -ld " + question.from);
  if (TRY(os::link_file(from, to)) == os::Linked::existed) {
    const auto there = TRY(os::stat_file(to));
    if (there.device != before.device || there.inode != before.inode)
      return fail(ErrorKind::refused, question.to + " is there already, and is another file than " + question.from,
                  "see which of the two is needed, and move the other one away");
  }
  TRY(os::remove_file(from));
  return Done{};
}

Result<Done> FileDoor::answer(const MakeDirectory& question, const Call& call) const {
  TRY(owners.judge(question.uid, question.gid));
  const auto place = call.places.at(question.path);
  std::optional<os::Lock> held;  // a mount may be on its way through what is given away here
  if (owners.known() == Owners::Known::only) held = TRY(hold_mounts(call.deadline, call.stop));
  if (TRY(os::stat_file(place.root)).kind == os::FileKind::missing) TRY(os::make_directories(place.root));
  TRY(os::make_directories(place, {.mode = question.mode, .uid = question.uid, .gid = question.gid}));
  return Done{};
}

// All names are checked before the first file goes.
Result<Done> FileDoor::answer(const RemovePaths& question, const Call& call) {
  const auto root = call.places.at(question.root);
  std::vector<os::Place> files;
  std::vector<os::Place> directories;
  for (const auto& file : question.files) files.push_back(TRY(below(root, file)));
  for (const auto& directory : question.emptied_dirs) directories.push_back(TRY(below(root, directory)));
  TRY(nobody_works_in(question.root));
  for (const auto& file : files) TRY(os::remove_file(file));
  for (const auto& directory : directories) TRY(os::remove_contents(directory));
  return Done{};
}

Result<Done> FileDoor::answer(const RemoveDirectory& question, const Call& call) {
  const auto parts = split(question.path, '/');
  const auto names = std::ranges::count_if(parts, [](std::string_view part) { return !part.empty(); });
  if (!question.path.starts_with('/') || names < 2 || std::ranges::find(parts, "..") != parts.end())
    return fail(ErrorKind::invalid, "'" + printable(question.path) + "' is not a directory that dugong would remove");
  const auto directory = call.places.at(question.path);
  std::vector<os::Place> places;
  for (const auto* list : {&question.contents, &question.mount_points})
    for (const auto& name : *list) {
      auto place = TRY(below(directory, name));
      if (name.find('/') != std::string::npos)
        return fail(ErrorKind::invalid, "'" + printable(name) + "' is not a name in " + question.path);
      places.push_back(std::move(place));
    }
  TRY(os::require_nothing_mounted_below(directory));
  const auto whole = places.begin() + static_cast<std::ptrdiff_t>(question.contents.size());
  for (auto place = places.begin(); place != whole; ++place) {
    const bool is_directory = TRY(os::stat_file(*place)).kind == os::FileKind::directory;
    TRY(is_directory ? os::remove_tree(*place) : os::remove_file(*place));
  }
  for (auto place = whole; place != places.end(); ++place) TRY(os::remove_if_empty(*place));
  TRY(os::remove_if_empty(directory));
  return Done{};
}

Result<std::string> wal_client_source(const std::string& given) {
  if (!given.empty()) return given;
  const auto own = TRY(os::own_executable());
  return own.substr(0, own.rfind('/')) + "/dugong-wal";
}

Result<Done> FileDoor::answer(const InstallWalClient& question, const Call& call) const {
  const auto source = TRY(wal_client_source(wal_client_));
  const auto program = TRY(os::read_file(source, largest_program));
  if (program.stat.kind == os::FileKind::missing)
    return fail(ErrorKind::failed, source + " is missing: the archive client belongs beside dugong itself",
                "install dugong-wal there");
  const auto target = call.places.at(question.directory + "/dugong-wal");
  os::Content there;
  if (TRY(os::stat_file(target)).kind == os::FileKind::file) there = TRY(os::read_file(target, largest_program));
  const bool equal = there.stat.kind == os::FileKind::file && there.stat.mode == 0755 && there.bytes == program.bytes;
  if (!equal) TRY(os::write_file(target, program.bytes, {.mode = 0755, .uid = 0, .gid = 0}));
  return Done{};
}

}  // namespace dugong::node
