// A data directory from outside, whether or not its server runs. No symlink below it is followed: a received copy may
// point anywhere, also into the production it came from.
#include <algorithm>

#include "base/text.h"
#include "node/local_doors.h"
#include "os/clock.h"
#include "os/files.h"
#include "postgres/conf.h"
#include "postgres/control.h"

namespace dugong::node {
namespace {

class DataDirectory {
 public:
  explicit DataDirectory(os::Place root) : root_{std::move(root)} {}

  [[nodiscard]] const os::Place& root() const { return root_; }
  [[nodiscard]] os::Place place(const std::string& relative) const { return {root_.root, root_.path + "/" + relative}; }
  [[nodiscard]] Result<os::FileKind> kind(const std::string& relative) const {
    return TRY(os::stat_file(place(relative))).kind;
  }
  // Empty also when it is missing or not a directory.
  [[nodiscard]] Result<std::vector<os::Entry>> list(const std::string& relative) const {
    const auto found = kind(relative);
    if (!found || *found != os::FileKind::directory) return std::vector<os::Entry>{};
    return os::list_directory(place(relative));
  }
  [[nodiscard]] std::vector<std::string> names(const std::string& relative) const {
    std::vector<std::string> all;
    if (const auto entries = list(relative))
      for (const auto& entry : *entries) all.push_back(entry.name);
    return all;
  }
  [[nodiscard]] std::optional<std::string> plain_file(const std::string& relative) const {
    const auto found = kind(relative);
    if (!found || *found != os::FileKind::file) return std::nullopt;
    auto text = read(relative);
    return text ? std::optional{*std::move(text)} : std::nullopt;
  }
  [[nodiscard]] Result<std::string> read(const std::string& relative) const {
    return TRY(os::read_file(place(relative))).bytes;
  }

 private:
  os::Place root_;
};

// Without locks a reader can meet the server in the middle of writing the file, and the CRC says so; PostgreSQL's own
// tools read again, too (controldata_utils.c: get_controlfile).
Result<postgres::ControlData> read_control(const DataDirectory& data, const Call& call) {
  constexpr int attempts = 10;
  for (int attempt = 1;; ++attempt) {
    auto control = postgres::parse_control(TRY(data.read("global/pg_control")));
    if (control || attempt == attempts) return control;
    (void)os::sleep_for(Millis{10}, call.stop);
  }
}

Result<> read_entries(const DataDirectory& data, postgres::DataFacts& facts) {
  const auto entries = TRY(os::list_directory(data.root()));
  facts.empty = entries.empty();
  for (const auto& entry : entries) {
    facts.entries.push_back(entry.name);
    if (entry.kind == os::FileKind::symlink) facts.links[entry.name] = TRY(os::read_link(data.place(entry.name)));
  }
  for (const auto& entry : TRY(data.list("pg_tblspc"))) {
    const auto name = "pg_tblspc/" + entry.name;
    if (entry.kind == os::FileKind::symlink) facts.links[name] = TRY(os::read_link(data.place(name)));
  }
  return {};
}

Result<> read_watched(const DataDirectory& data, postgres::DataFacts& facts) {
  for (const auto& name : postgres::watched_files()) {
    const auto stat = TRY(os::stat_file(data.place(name)));
    if (stat.kind != os::FileKind::file) continue;
    facts.files[name] = TRY(data.read(name));
    if (postgres::is_reloaded(name)) facts.conf_modified_ns = std::max(facts.conf_modified_ns, stat.mtime_ns);
  }
  postgres::add_included(facts.files, {.read = [&](const std::string& name) { return data.plain_file(name); },
                                       .list = [&](const std::string& name) { return data.names(name); }});
  return {};
}

Result<> read_inside(const DataDirectory& data, const Call& call, postgres::DataFacts& facts) {
  if (TRY(data.kind("PG_VERSION")) != os::FileKind::file) return {};
  facts.version = trim(TRY(data.read("PG_VERSION")));
  if (auto control = read_control(data, call)) {
    facts.control = *control;
  } else {
    facts.control_error = control.error().what;
  }
  for (const auto& entry : TRY(data.list("pg_replslot")))
    if (entry.kind == os::FileKind::directory) facts.slots.push_back(entry.name);
  const auto archiving = TRY(data.list("pg_wal/archive_status"));
  facts.archive_status_entries = archiving.size();
  facts.unarchived = static_cast<std::uint64_t>(
      std::ranges::count_if(archiving, [](const auto& entry) { return entry.name.ends_with(".ready"); }));
  return {};
}

}  // namespace

Result<postgres::DataFacts> FileDoor::answer(const InspectData& question, const Call& call) {
  postgres::DataFacts facts;
  const DataDirectory data{call.places.at(question.data)};
  const auto stat = TRY(os::stat_file(data.root()));
  if (stat.kind == os::FileKind::missing) return facts;
  if (stat.kind != os::FileKind::directory)
    return fail(ErrorKind::refused, question.data + " is not a directory", "look at it: ls -ld " + question.data);
  facts.exists = true;
  facts.uid = stat.uid;
  facts.gid = stat.gid;
  TRY(read_entries(data, facts));
  TRY(read_watched(data, facts));
  TRY(read_inside(data, call, facts));
  return facts;
}

}  // namespace dugong::node
