// WAL: segments, checkpoints, slots and the archiver; and who may log in to stream it.
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

#include "base/text.h"
#include "postgres/address.h"
#include "postgres/hba.h"
#include "postgres/wal.h"
#include "test/sim/parts.h"

namespace dugong::sim {
namespace {

constexpr std::size_t one_tick_of_archiving = 64;

std::string wal_path(const Server& server, std::string_view name) {
  return inner_join(inner_join(server.inner, "pg_wal"), name);
}

Entry owned_file(const Server& server, std::string content) {
  Entry entry;
  entry.content = std::move(content);
  entry.mode = 0600;
  entry.uid = server.software.uid;
  entry.gid = server.software.gid;
  return entry;
}

bool archives(const Server& server) { return value_of(server, "archive_mode") == "on" && !server.in_recovery; }

void complete_segment(State& state, Server& server, const Cluster& cluster, Lsn start) {
  const auto size = cluster.control.wal_segment_size;
  const auto name = postgres::wal_segment_name(cluster.control.timeline, start, size);
  auto& tree = *tree_of(state, server);
  auto segment = owned_file(server, fmt::format("{} {}", to_string(cluster.control.system_identifier), name));
  segment.virtual_size = size;
  tree.files[wal_path(server, name)] = segment;
  if (archives(server)) tree.files[wal_path(server, "archive_status/" + name + ".ready")] = owned_file(server, "");
}

// ---- archive_command

struct ArchiveCommand {
  std::string program;    // host path
  std::string directory;  // host path
};

std::string unquote_word(std::string_view word) {
  return word.size() >= 2 && word.front() == '\'' ? std::string{word.substr(1, word.size() - 2)} : std::string{word};
}

// The form that runtime::archive_command writes: 'DIR/dugong-wal' push %p 'ARCHIVE' %f
std::optional<ArchiveCommand> parse_archive_command(const Server& server) {
  std::vector<std::string> words;
  const auto text = value_of(server, "archive_command");
  for (auto word : split(text, ' '))
    if (!word.empty()) words.push_back(unquote_word(word));
  if (words.size() != 5 || words[1] != "push" || words[2] != "%p" || words[4] != "%f") return std::nullopt;
  return ArchiveCommand{to_host(server, words[0]), to_host(server, words[3])};
}

// What dugong-wal push refuses; > 125 does not count as a failure in pg_stat_archiver (pgarch.c: pgarch_archiveXlog).
int push(State& state, Server& server, const std::string& name) {
  auto& host = state.hosts.at(server.host);
  const auto command = parse_archive_command(server);
  if (!command) return 127;
  const auto* program = find(host, command->program);
  if (program == nullptr || program->directory || (program->mode & 0111U) == 0) return 127;
  const auto* identity = find(host, command->directory + "/.system_identifier");
  const auto& cluster = *cluster_of(state, server);
  if (identity == nullptr || trim(identity->content) != to_string(cluster.control.system_identifier)) return 1;
  const auto* directory = find(host, command->directory);
  if (directory->uid != server.software.uid) return 1;
  auto segment = tree_of(state, server)->files.at(wal_path(server, name));
  const auto target = command->directory + "/" + name;
  if (const auto* there = find(host, target)) return there->content == segment.content ? 0 : 1;
  if (resolve(host, target).dataset == nullptr)
    state.violate("archive into unmounted directory: " + host.name + ":" + command->directory);
  return write_file(host, target, segment) ? 0 : 1;
}

void archive_ready(State& state, Server& server) {
  for (std::size_t done = 0; done < one_tick_of_archiving; ++done) {
    auto& files = tree_of(state, server)->files;
    const auto prefix = wal_path(server, "archive_status/");
    auto it = files.lower_bound(prefix);
    while (it != files.end() && it->first.starts_with(prefix) && !it->first.ends_with(".ready")) ++it;
    if (it == files.end() || !it->first.starts_with(prefix)) return;
    const auto name =
        it->first.substr(prefix.size(), it->first.size() - prefix.size() - std::string_view{".ready"}.size());
    const int code = push(state, server, name);
    if (code != 0) {
      if (code <= 125) ++server.failed_count;
      if (code <= 125) server.last_failed = name;
      if (code <= 125) server.archiving_fails = true;
      return;
    }
    auto& after = tree_of(state, server)->files;
    after.erase(wal_path(server, "archive_status/" + name + ".ready"));
    after[wal_path(server, "archive_status/" + name + ".done")] = owned_file(server, "");
    server.last_archived = name;
    server.archiving_fails = false;
    ++server.archived_count;
  }
}

// Segments that nobody needs go away at a checkpoint (xlog.c: RemoveOldXlogFiles); unarchived ones stay.
void remove_old_segments(State& state, Server& server, Cluster& cluster) {
  const auto size = cluster.control.wal_segment_size;
  Lsn keep{cluster.insert.value > state.options.wal_keep ? cluster.insert.value - state.options.wal_keep : 0};
  keep = std::min(keep, cluster.control.redo);
  auto& tree = *tree_of(state, server);
  const auto limit = parse_bytes(value_of(server, "max_slot_wal_keep_size"));  // "-1": none
  const Lsn floor{limit && cluster.insert.value > *limit ? cluster.insert.value - *limit : 0};
  for (const auto& slot : slots_of(tree, server.inner))
    if (slot.restart_lsn.value != 0 && slot.restart_lsn >= floor) keep = std::min(keep, slot.restart_lsn);
  keep.value -= keep.value % size;
  if (keep <= cluster.wal_begin) return;
  cluster.wal_begin = keep;
  const auto directory = wal_path(server, "");
  const auto oldest = directory + postgres::wal_segment_name(cluster.control.timeline, keep, size);
  std::erase_if(tree.files, [&](const auto& item) {
    const auto& [path, entry] = item;
    if (entry.virtual_size != size || !path.starts_with(directory) || path >= oldest) return false;
    return !tree.files.contains(directory + "archive_status/" + file_name_of(path) + ".ready");
  });
}

// xlog.c: CreateCheckPoint. Shared memory has the new redo point from the start on …
void begin_checkpoint(State& state, Server& server) {
  const auto* cluster = cluster_of(state, server);
  if (cluster == nullptr) return;
  server.last_checkpoint = state.now;
  server.running_checkpoint = server.in_recovery ? cluster->control.redo : cluster->insert;
}

// … and pg_control at the end, when old segments go too. On a standby: a restartpoint, which can only be where the
// primary had a checkpoint; replay keeps that position.
void end_checkpoint(State& state, Server& server) {
  auto* cluster = cluster_of(state, server);
  const auto redo = std::exchange(server.running_checkpoint, std::nullopt);
  if (cluster == nullptr || !redo) return;
  if (!server.in_recovery) {
    cluster->control.redo = *redo;
    cluster->control.checkpoint = cluster->insert;
    cluster->control.min_recovery = Lsn{};
    cluster->control.min_recovery_timeline = TimelineId{};
    write_wal(state, server, 0x98);  // the checkpoint record
  }
  remove_old_segments(state, server, *cluster);
}

bool address_matches(const postgres::HbaRule& rule, const std::string& address) {
  if (rule.address == "all" || rule.address == address) return true;
  const auto network = postgres::parse_network(rule.address, rule.netmask);
  const auto one = postgres::parse_address(address);
  return network && one && network->contains(*one);
}

bool lists(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

void tick_wal(State& state, Server& server) {
  if (archives(server)) archive_ready(state, server);
  const auto since = state.now - server.last_checkpoint;
  if (server.running_checkpoint && since >= state.options.checkpoint_time) end_checkpoint(state, server);
  if (!server.running_checkpoint && since >= state.options.checkpoint_every) begin_checkpoint(state, server);
}

void write_wal(State& state, Server& server, Bytes bytes) {
  auto& cluster = *cluster_of(state, server);
  const Bytes size = cluster.control.wal_segment_size;
  auto left = bytes;
  while (left > 0) {
    const auto room = size - cluster.insert.value % size;
    const auto part = std::min<Bytes>(left, room);
    const Lsn start{cluster.insert.value - cluster.insert.value % size};
    cluster.insert.value += part;
    if (part == room) complete_segment(state, server, cluster, start);
    left -= part;
  }
}

void switch_segment(State& state, Server& server) {
  const auto& cluster = *cluster_of(state, server);
  const auto used = cluster.insert.value % cluster.control.wal_segment_size;
  if (used != 0) write_wal(state, server, cluster.control.wal_segment_size - used);
}

void take_checkpoint(State& state, Server& server) {
  end_checkpoint(state, server);
  begin_checkpoint(state, server);
  end_checkpoint(state, server);
}

Lsn redo_pointer(const Server& server, const Cluster& cluster) {
  return server.running_checkpoint.value_or(cluster.control.redo);
}

std::vector<SlotRow> slots_of(const Tree& tree, const std::string& inner) {
  std::vector<SlotRow> out;
  const auto directory = inner_join(inner, "pg_replslot");
  for (const auto& name : children(tree, directory)) {
    SlotRow row{name, Lsn{}, "?"};
    auto it = tree.files.find(directory + "/" + name + "/state");
    if (it != tree.files.end()) {
      const auto& text = it->second.content;
      const auto space = text.find(' ');
      row.restart_lsn = Lsn{std::stoull(text.substr(0, space))};
      row.made_by = text.substr(space + 1);
    }
    out.push_back(std::move(row));
  }
  return out;
}

void write_slot(Tree& tree, const std::string& inner, const SlotRow& slot, std::uint32_t uid, std::uint32_t gid) {
  const auto path = inner_join(inner, "pg_replslot") + "/" + slot.name;
  Entry entry;
  entry.uid = uid;
  entry.gid = gid;
  entry.mode = 0600;
  entry.content = fmt::format("{} {}", slot.restart_lsn.value, slot.made_by);
  tree.files[path + "/state"] = entry;
  entry.content.clear();
  entry.directory = true;
  entry.mode = 0700;
  tree.files[path] = entry;
}

// hba.c: check_hba; the first line that matches decides.
bool hba_lets_in(const Server& server, const std::string& user, const std::string& address, std::string* method) {
  auto rules = postgres::parse_hba(server.hba);
  if (!rules) return false;
  for (const auto& rule : *rules) {
    if (!rule.type.starts_with("host") || rule.type == "hostssl" || !lists(rule.databases, "replication")) continue;
    if (!lists(rule.users, user) && !lists(rule.users, "all")) continue;
    if (!address_matches(rule, address)) continue;
    *method = rule.method;
    return rule.method != "reject";
  }
  return false;
}

bool hears(const Server& server, const std::string& address) {
  const auto addresses = value_of(server, "listen_addresses");
  for (auto one : split(addresses, ',')) {
    const auto name = trim(one);
    if (name == "*" || name == "0.0.0.0" || name == address) return true;
    if (name == "localhost" && address == "127.0.0.1") return true;
  }
  return false;
}

}  // namespace dugong::sim
