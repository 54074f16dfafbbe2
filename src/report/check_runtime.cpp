// What runs the servers: the image or the programs, Docker and Compose with the pairs that are known not to work.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "base/text.h"
#include "report/check_parts.h"

namespace dugong::report {
namespace {

using Maybe = std::optional<Judgement>;

const std::string plugin = "install Docker's compose plugin (docker-compose-plugin, docker-compose-v2)";

Maybe judge_image(const Scene& s) {
  const auto& error = s.seen.software.error;
  if (!s.seen.software)
    return Judgement{
        error.kind == ErrorKind::failed || error.kind == ErrorKind::invalid ? Severity::critical : Severity::unknown,
        error.what, "no server can be made or started here",
        error.next.empty() ? "put right what is told here, then run `dugong check` again" : error.next};
  const auto& software = *s.seen.software;
  if (s.is_compose())
    return fine(fmt::format("{} is {}, its user {}:{}, its PGDATA {}", s.spec.postgres.image, software.id, software.uid,
                            software.gid, software.pgdata));
  return fine(fmt::format("{}, run as {}:{}", software.id, software.uid, software.gid));
}

// The libc sorts text, and indexes keep its order: musl and glibc differ, and so do glibc's versions (2.28).
Maybe judge_libc(const Scene& s) {
  if (!s.seen.software)
    return Judgement{Severity::unknown, s.seen.software.error.what, "it may sort text otherwise than the primary's",
                     "see `image`"};
  const auto& mine = *s.seen.software;
  const std::string text = mine.libc.empty() ? "it does not tell its libc" : mine.libc;
  if (s.node.is_primary()) return fine(text);
  if (!s.primary.software)
    return Judgement{Severity::unknown, fmt::format("{}; that of {} is not known", text, s.primary.name),
                     "it may sort text otherwise than the primary's", fmt::format("dugong check {}", s.primary.name)};
  const auto& theirs = *s.primary.software;
  if (mine.id == theirs.id && s.is_compose())
    return fine(fmt::format("{}: the same image as on {}", text, s.primary.name));
  if (mine.libc.empty() || theirs.libc.empty())
    return Judgement{Severity::unknown, fmt::format("{}; on {}: {}", text, s.primary.name, theirs.libc),
                     "it may sort text otherwise than the primary's", "use one image on all nodes"};
  if (mine.libc == theirs.libc) return fine(fmt::format("{}, as on {}", text, s.primary.name));
  return Judgement{
      Severity::warning, fmt::format("{}; {} on {}", text, theirs.libc, s.primary.name),
      "text is sorted otherwise here, so that indexes on it miss rows, silently",
      "use one image, or one release of the operating system, on all nodes; or only collations \"C\" and ICU's"};
}

const cluster::Sample<runtime::Engine>* engine_of(const Scene& s) {
  const auto it = s.tried.engines.find(s.node.name);
  return it == s.tried.engines.end() ? nullptr : &it->second;
}

Maybe judge_docker(const Scene& s) {
  if (!s.is_compose()) return std::nullopt;
  const auto* engine = engine_of(s);
  if (engine == nullptr) return Judgement{Severity::unknown, "it was not asked", "no server may run", "docker version"};
  if (*engine) {
    const auto& seen = **engine;
    return fine("Docker Engine " + seen.version +
                (seen.least_api.empty() ? "" : ", API " + seen.least_api + " and newer"));
  }
  const auto& error = engine->error;
  return Judgement{error.kind == ErrorKind::failed ? Severity::critical : Severity::unknown, error.what,
                   "no server can be made or started here",
                   error.next.empty() ? "systemctl start docker, or install it" : error.next};
}

std::string remedy_for(const std::string& words) {
  // requests 2.32 took away what docker-py before 7.1 leaned on (docker/docker-py#3256).
  if (words.find("http+docker") != std::string::npos)
    return "pip uninstall requests where it hides the system's, or " + plugin;
  // Docker Engine 29 speaks no API older than 1.44 (docker/compose#13389).
  if (words.find("is too old") != std::string::npos) return plugin + " of the engine's own age";
  return plugin;
}

Maybe judge_compose(const Scene& s) {
  if (!s.is_compose()) return std::nullopt;
  const auto* engine = engine_of(s);
  if (engine == nullptr || !*engine)
    return Judgement{Severity::unknown, "Docker does not answer", "no server can be made or started here",
                     "see `docker`"};
  const auto& seen = **engine;
  if (seen.compose.empty())
    return Judgement{Severity::critical, "neither `docker compose` nor `docker-compose` is there",
                     "no server can be made or started here", plugin};
  const auto text =
      fmt::format("{} {} with Docker Engine {}", seen.compose,
                  seen.compose_version.empty() ? "of an unknown version" : seen.compose_version, seen.version);
  if (seen.refuse)
    return Judgement{Severity::critical, fmt::format("{}: {}", text, *seen.refuse),
                     "Compose cannot talk to the engine: no server can be made or started here",
                     remedy_for(*seen.refuse)};
  if (seen.compose == "docker compose") return fine(text);
  if (is_older(seen.compose_version, {1, 27}))
    return Judgement{Severity::critical, text, "it does not take a file without `version:`, as `up` writes it", plugin};
  // Engine 25 took ContainerConfig out of what it says of an image (docker/compose#11742).
  if (!is_older(seen.version, {25}))
    return Judgement{
        Severity::warning, text,
        "with some images it cannot make a container anew whose file has changed: KeyError 'ContainerConfig'", plugin};
  return Judgement{Severity::note, text, "Compose 1 has got no corrections since July 2023", plugin};
}

// What one query may share among its workers: a parallel hash table has the memory of all of them (nodeHash.c:
// ExecChooseHashTableSize).
Maybe judge_shm(const Scene& s) {
  if (!s.is_compose()) return std::nullopt;
  const auto have = parse_bytes(s.spec.postgres.shm_size);
  const auto work_mem = wanted(s, "work_mem", "4MB");
  const bool is_new = s.seen.software && s.seen.software->version_number >= 150000;
  const auto workers = wanted(s, "max_parallel_workers_per_gather", "2");
  const auto factor = number_of(wanted(s, "hash_mem_multiplier", is_new ? "2" : "1"));
  const auto each = size_of(work_mem, 1 << 10);
  const auto count = number_of(workers);
  if (!have || !each || !count || !factor)
    return Judgement{Severity::unknown,
                     fmt::format("work_mem is {}, shm_size {}", work_mem.value, s.spec.postgres.shm_size),
                     "a parallel query may need more than there is", "write both with PostgreSQL's units"};
  const auto need = static_cast<Bytes>(static_cast<double>(*each) * *factor * (*count + 1));
  const auto seen = fmt::format("shm_size is {}; one parallel hash join may take {} (work_mem {}, {} workers)",
                                human_bytes(*have), human_bytes(need), work_mem.value, workers.value);
  if (*have >= need) return fine(seen);
  return Judgement{Severity::note, seen, "such a query fails: could not resize shared memory segment",
                   fmt::format("shm_size = \"{}m\" in [postgres], or a smaller work_mem", (need >> 20) + 1)};
}

}  // namespace

const std::vector<Subject>& runtime_subjects() {
  static const std::vector<Subject> all{{"image", judge_image},
                                        {"libc", judge_libc},
                                        {"docker", judge_docker},
                                        {"compose", judge_compose},
                                        {"shm-size", judge_shm}};
  return all;
}

}  // namespace dugong::report
