// What the pool and the datasets promise: health, room, and properties that a database depends on.
#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "report/check_parts.h"

namespace dugong::report {
namespace {

using Maybe = std::optional<Judgement>;

constexpr Bytes page = 8 << 10;  // of PostgreSQL (pg_config.h: BLCKSZ)

const std::string* shown(const zfs::Dataset& dataset, const std::string& property) {
  const auto it = dataset.shown.find(property);
  return it == dataset.shown.end() ? nullptr : &it->second;
}

// What the server's files are on, or will be cloned or made below.
const zfs::Dataset* data_of(const Scene& scene) { return scene.live != nullptr ? scene.live : scene.parent; }

Judgement not_shown(const zfs::Dataset& dataset, const std::string& property) {
  return {Severity::unknown, fmt::format("zfs did not tell {} of {}", property, dataset.name), "it may be any value",
          fmt::format("zfs get {} {}", property, dataset.name)};
}

// No program, no module, or the pool alone: the last is told as the pool's health.
Severity severity_of(const Error& error, ErrorKind sure) {
  return error.kind == sure ? Severity::critical : Severity::unknown;
}

// openzfs/zfs#15526, corrected in 2.1.14 and 2.2.2; distributions put the correction into older ones.
Judgement judge_openzfs(const std::string& text) {
  const auto version = text.substr(text.rfind(' ') + 1);
  const std::string consequence =
      "a file that is copied while it is written may get holes of zeros (openzfs/zfs#15526)";
  if (is_older(version, {2, 1, 14}))
    return {Severity::note, text, consequence + ", unless the package has the correction",
            "see the package's changelog for 15526, or upgrade OpenZFS to 2.1.14, 2.2.2 or newer"};
  if (!is_older(version, {2, 2}) && is_older(version, {2, 2, 2}))
    return {Severity::warning, text, consequence, "upgrade OpenZFS to 2.2.2 or newer"};
  return fine(text);
}

Maybe judge_zfs(const Scene& s) {
  if (!s.seen.pool) {
    auto told = without_storage(s);
    told.severity = severity_of(s.seen.pool.error, ErrorKind::failed);
    return told;
  }
  const auto& pool = *s.seen.pool;
  if (!pool.can_receive_unmounted)
    return Judgement{Severity::note, pool.version,
                     "its streams cannot be resumed and carry neither compressed nor large blocks, it has no lz4, and "
                     "neither sync nor encryption is to be seen; room is judged by uncompressed sizes",
                     "install OpenZFS 2.1.14 or newer (zfsutils-linux, zfs-dkms) and import the pool there"};
  return judge_openzfs(pool.version);
}

Maybe judge_pool_health(const Scene& s) {
  if (!s.seen.pool) {
    auto told = without_storage(s);
    told.severity = severity_of(s.seen.pool.error, ErrorKind::conflict);
    return told;
  }
  const auto& pool = *s.seen.pool;
  const auto seen = fmt::format("pool {} is {}", pool.name, pool.health);
  const auto remedy = fmt::format("zpool status {}", pool.name);
  if (pool.health == "ONLINE") return fine(seen);
  if (pool.health.empty()) return Judgement{Severity::unknown, "zpool did not tell", "it may be failing", remedy};
  if (pool.health == "DEGRADED")
    return Judgement{Severity::warning, seen, "one more failed disk may lose the pool",
                     remedy + ", then replace the disk"};
  return Judgement{Severity::critical, seen, "the server cannot write, or not even read", remedy};
}

Maybe judge_pool_space(const Scene& s) {
  if (!s.seen.pool) return without_storage(s);
  const auto& pool = *s.seen.pool;
  if (pool.size == 0)
    return Judgement{Severity::unknown, "zpool did not tell its size", "it may be full", "zpool list " + pool.name};
  const Bytes used = pool.size - std::min(pool.free, pool.size);
  const auto percent = used / (pool.size / 100 + 1);
  const auto seen = fmt::format("{} % of {} are used, {} can be had below {}", percent, human_bytes(pool.size),
                                human_bytes(s.parent != nullptr ? s.parent->available : pool.available), s.node.prefix);
  const std::string remedy = "destroy snapshots that nobody needs (`zfs list -t all -o space`), or add a vdev";
  if (percent >= 95)
    return Judgement{Severity::critical, seen, "the server stops with a PANIC when it cannot write WAL", remedy};
  if (percent >= 80)
    return Judgement{Severity::warning, seen, "ZFS searches long for free space, and writes get slow", remedy};
  return fine(seen);
}

Maybe judge_bare_replicas(const Scene& s) {
  std::vector<cluster::Ground> bare;
  for (const auto& node : s.spec.nodes) {
    const auto* seen = s.all.find(node.name);
    const bool complete =
        seen->reachable() && seen->pool && seen->storage && seen->software && seen->data && seen->server;
    if (node.is_primary() || !complete) continue;
    if (const auto ground = cluster::ground_of(s.spec, s.all, node); ground && ground->live == nullptr)
      bare.push_back(*ground);
  }
  const auto judged = cluster::judge_room(bare, *s.primary_ground);
  if (judged || judged.error().where != s.node.name) return std::nullopt;
  return Judgement{Severity::critical, judged.error().what, "`dugong up` refuses to copy", judged.error().next};
}

// A rebuild needs both: the old copy goes only when the new one has arrived.
Maybe judge_seed_room(const Scene& s) {
  if (s.node.is_primary()) return std::nullopt;
  if (s.ground == nullptr || s.primary_ground == nullptr)
    return Judgement{Severity::unknown, s.blind, "whether a copy fits is not known",
                     "put right what is told there, then run `dugong check` again"};
  if (s.primary_ground->live == nullptr) return fine("the primary has no data yet");
  if (s.live == nullptr)
    if (auto refused = judge_bare_replicas(s)) return refused;
  const auto need = cluster::full_copy_size(*s.ground, *s.primary_ground) + s.spec.storage.reserve;
  const auto room = s.parent != nullptr ? s.parent->available : s.seen.pool->available;
  const auto seen = fmt::format("a full copy takes {}, {} can be had", human_bytes(need), human_bytes(room));
  if (room >= need) return fine(seen);
  return Judgement{Severity::warning, seen,
                   "a full re-seed does not fit beside the old copy: it would have to go first, and nothing is there "
                   "meanwhile",
                   "free space in the pool, add a vdev, or give the node a larger pool in `prefix`"};
}

Maybe judge_recordsize(const Scene& s) {
  if (!s.seen.storage) return without_storage(s);
  const auto* data = data_of(s);
  if (data == nullptr) return fine(fmt::format("`up` sets {}", s.spec.storage.recordsize));
  const auto* text = shown(*data, "recordsize");
  const auto size = text == nullptr ? Result<Bytes>{fail(ErrorKind::failed, "")} : parse_bytes(*text);
  if (!size) return not_shown(*data, "recordsize");
  const auto seen = fmt::format("recordsize of {} is {}", data->name, human_bytes(*size));
  const auto remedy = fmt::format("zfs set recordsize={} {}; it counts for files that are written from then on",
                                  s.spec.storage.recordsize, data->name);
  if (*size < page)
    return Judgement{Severity::warning, seen,
                     "a page of 8 KiB is written in parts, so that a crash can tear it, and every write costs more",
                     remedy};
  if (*size > (128 << 10))
    return Judgement{Severity::note, seen, "every page that changes is read and written as a whole record", remedy};
  return fine(seen);
}

// One property with one bad value.
struct BadValue {
  std::string property;
  std::string bad;
  Severity severity;
  std::string consequence;
  std::string good;  // to be set
};
Maybe judge_property(const Scene& s, const BadValue& rule) {
  if (!s.seen.storage) return without_storage(s);
  const auto* data = data_of(s);
  if (data == nullptr) return fine("`up` sets it");
  const auto* value = shown(*data, rule.property);
  if (value == nullptr) return not_shown(*data, rule.property);
  const auto seen = fmt::format("{} of {} is {}", rule.property, data->name, *value);
  if (*value != rule.bad) return fine(seen);
  return Judgement{rule.severity, seen, rule.consequence,
                   fmt::format("zfs set {}={} {}", rule.property, rule.good, data->name)};
}

Maybe judge_compression(const Scene& s) {
  const bool lz4 = s.seen.pool && s.seen.pool->has_lz4;
  return judge_property(s, {"compression", "off", Severity::warning,
                            "the data takes two to four times the space and the reads", lz4 ? "lz4" : "on"});
}
Maybe judge_atime(const Scene& s) {
  return judge_property(
      s, {"atime", "on", Severity::warning, "every first read of a file writes, and snapshots keep it", "off"});
}
Maybe judge_logbias(const Scene& s) {
  return judge_property(s, {"logbias", "throughput", Severity::note,
                            "commits do not use a log device, and what they write is scattered", "latency"});
}

// A snapshot may take the last block; a server that cannot write WAL stops (xlog.c: XLogWrite, PANIC).
Maybe judge_reservation(const Scene& s) {
  if (!s.seen.storage) return without_storage(s);
  if (s.live == nullptr) return fine(fmt::format("`up` reserves {}", human_bytes(s.spec.storage.reserve)));
  const auto* text = shown(*s.live, "refreservation");
  if (text == nullptr) return not_shown(*s.live, "refreservation");
  const bool none = *text == "none" || *text == "0";
  const auto seen = fmt::format("refreservation of {} is {}", s.live->name, none ? "none" : *text);
  if (!none) return fine(seen);
  return Judgement{s.spec.storage.reserve == 0 ? Severity::note : Severity::warning, seen,
                   "snapshots can take the last block, and the server stops with a PANIC",
                   fmt::format("zfs set refreservation={} {}",
                               s.spec.storage.reserve == 0 ? Bytes{1} << 30 : s.spec.storage.reserve, s.live->name)};
}

Maybe judge_quota(const Scene& s) {
  if (!s.seen.storage) return without_storage(s);
  for (const auto* dataset : {s.live, s.parent}) {
    const auto* quota = dataset == nullptr ? nullptr : shown(*dataset, "quota");
    if (dataset != nullptr && quota == nullptr) return not_shown(*dataset, "quota");
    if (quota == nullptr || *quota == "0" || *quota == "none") continue;
    return Judgement{
        Severity::warning, fmt::format("quota of {} is {}", dataset->name, *quota),
        "it counts snapshots: what is kept for a replica can stop the server",
        fmt::format("zfs set quota=none {}; storage.archive_quota limits the archive alone", dataset->name)};
  }
  return fine(s.parent == nullptr ? "`up` sets none" : "none on the data");
}

Judgement judge_key(const Scene& s, const zfs::Dataset& data) {
  const auto* status = shown(data, "keystatus");
  const auto* root = shown(data, "encryptionroot");
  const auto name = root == nullptr ? data.name : *root;
  if (status != nullptr && *status == "unavailable")
    return {Severity::critical, "the key of " + name + " is not loaded",
            "nothing below it can be mounted, and no server starts", "zfs load-key " + name};
  const auto* holder = cluster::find_dataset(*s.seen.storage, name);
  const auto* location = holder == nullptr ? nullptr : shown(*holder, "keylocation");
  if (location == nullptr)
    return {Severity::note,
            fmt::format("{} is encrypted with the key of {}, which is not below {}", data.name, name, s.node.prefix),
            "after a reboot it cannot be mounted until that key is loaded", "zfs get keylocation " + name};
  if (*location == "prompt")
    return {Severity::warning, fmt::format("keylocation of {} is prompt", name),
            "after a reboot nobody loads the key, and the server stays down until somebody types it",
            fmt::format("zfs set keylocation=file:///root/{}.key {}, and load it at boot (zfs load-key -a)",
                        zfs::pool_of(name), name)};
  return {Severity::note, fmt::format("the key of {} is at {}", name, *location),
          "after a reboot it cannot be mounted until that key is loaded, which Debian does not do by itself",
          "systemctl edit dugong-boot: [Service] ExecStartPre=-/usr/sbin/zfs load-key -a"};
}

Maybe judge_encryption(const Scene& s) {
  if (!s.seen.storage) return without_storage(s);
  const auto* data = data_of(s);
  if (data == nullptr) return fine("as the pool has it: nothing is there yet");
  const auto* encryption = shown(*data, "encryption");
  if (encryption == nullptr && s.seen.pool && !s.seen.pool->can_receive_unmounted) return fine("this ZFS has none");
  if (encryption == nullptr) return not_shown(*data, "encryption");
  if (*encryption == "off") return fine(data->name + " is not encrypted");
  return judge_key(s, *data);
}

}  // namespace

const std::vector<Subject>& storage_subjects() {
  static const std::vector<Subject> all{{"zfs", judge_zfs},
                                        {"pool-health", judge_pool_health},
                                        {"pool-space", judge_pool_space},
                                        {"seed-room", judge_seed_room},
                                        {"recordsize", judge_recordsize},
                                        {"compression", judge_compression},
                                        {"atime", judge_atime},
                                        {"logbias", judge_logbias},
                                        {"reservation", judge_reservation},
                                        {"quota", judge_quota},
                                        {"encryption", judge_encryption}};
  return all;
}

}  // namespace dugong::report
