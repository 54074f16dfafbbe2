// What lies between the nodes and below the servers: ports as they are reached from elsewhere, clocks, memory.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "base/text.h"
#include "report/check_parts.h"

namespace dugong::report {
namespace {

using Maybe = std::optional<Judgement>;

constexpr double clock_note_seconds = 1;
constexpr double clock_warning_seconds = 60;

const cluster::Sample<postgres::LoginAnswer>* login_from(const Scene& s, const std::string& to) {
  const auto it = s.tried.logins.find({s.node.name, to});
  return it == s.tried.logins.end() ? nullptr : &it->second;
}

bool answers(const Scene& s, const std::string& name) {
  const auto* seen = s.all.find(name);
  return seen != nullptr && seen->sql;
}

enum class Way { open, closed, silent_server };
struct Passage {
  Way way = Way::closed;
  std::string evidence;
};
Passage passage(const Scene& s, const spec::Node& to) {
  const auto place = fmt::format("{}:{} ({})", to.address, to.port, to.name);
  const auto* login = login_from(s, to.name);
  if (login == nullptr) return {Way::silent_server, place + " was not tried"};
  if (*login) {
    const auto& answer = **login;
    return {Way::open, answer.asked_for_password
                           ? place + " asks for the password"
                           : fmt::format("{} answers: {} {}", place, answer.sqlstate, answer.message)};
  }
  const auto& error = login->error;
  // A refusal says that the host is there and nothing is in the way; only a server that is up should not refuse.
  const bool refused = error.what.find("Connection refused") != std::string::npos;
  if (refused && !answers(s, to.name)) return {Way::silent_server, place + ": nobody listens there yet"};
  const bool was_tried = error.kind != ErrorKind::interrupted && error.kind != ErrorKind::conflict;
  if (!was_tried) return {Way::silent_server, fmt::format("{} was not tried: {}", place, error.what)};
  return {Way::closed, fmt::format("{}: {}", place, error.what)};
}

std::string way_through(const Scene& s, const spec::Node& to) {
  return fmt::format(
      "on {}: `ss -ltn` must show port {} on {} or on *; let TCP from {} to it through the firewalls of both", to.name,
      to.port, to.address, s.node.address);
}

Maybe judge_upstream_port(const Scene& s) {
  const auto* upstream = s.spec.find(s.node.follows);
  if (upstream == nullptr) return std::nullopt;
  const auto [way, seen] = passage(s, *upstream);
  const std::string again = fmt::format("start {} (`dugong up`), then run `dugong check` again", upstream->name);
  switch (way) {
    case Way::silent_server:
      return Judgement{Severity::unknown, seen, "a firewall may still be in the way", again};
    case Way::closed:
      return Judgement{Severity::critical, seen, fmt::format("{} does not stream, and falls behind", s.node.name),
                       way_through(s, *upstream)};
    case Way::open:
      break;
  }
  // 28000: no line of pg_hba.conf (auth.c: ClientAuthentication).
  if ((*login_from(s, upstream->name))->sqlstate == "28000")
    return Judgement{Severity::note, seen,
                     fmt::format("pg_hba.conf of {} does not let {} replicate yet", upstream->name, s.node.name),
                     "`dugong up` writes the line"};
  return fine(seen);
}

// Whoever is not followed now may be the primary tomorrow.
Maybe judge_peer_ports(const Scene& s) {
  std::vector<std::string> closed;
  std::vector<std::string> silent;
  std::vector<std::string> open;
  const spec::Node* blocked = nullptr;
  for (const auto& other : s.spec.nodes) {
    if (other.name == s.node.name || other.name == s.node.follows) continue;
    auto [way, seen] = passage(s, other);
    if (way == Way::closed) blocked = &other;
    (way == Way::closed ? closed : way == Way::open ? open : silent).push_back(std::move(seen));
  }
  if (closed.empty() && silent.empty() && open.empty()) return std::nullopt;
  if (blocked != nullptr)
    return Judgement{Severity::warning, join(closed, "; "),
                     fmt::format("if {} were promoted, {} could not follow it", blocked->name, s.node.name),
                     way_through(s, *blocked)};
  if (!silent.empty())
    return Judgement{Severity::unknown, join(silent, "; "), "a firewall may still be in the way",
                     "start the servers (`dugong up`), then run `dugong check` again"};
  return fine(join(open, "; "));
}

Maybe judge_clocks(const Scene& s) {
  const auto& mine = *s.seen.host;
  if (s.node.is_primary())
    return fine(fmt::format("{:+.3f} s off the controller's, ± {:.3f} s; the others are compared with it",
                            mine.clock_offset_seconds, mine.clock_uncertainty_seconds));
  if (!s.primary.host)
    return Judgement{Severity::unknown, s.primary.name + " cannot be reached", "the clocks may differ",
                     fmt::format("dugong check {}", s.primary.name)};
  const auto& theirs = *s.primary.host;
  const double offset = mine.clock_offset_seconds - theirs.clock_offset_seconds;
  const double unsure = mine.clock_uncertainty_seconds + theirs.clock_uncertainty_seconds;
  const auto seen = fmt::format("{:+.3f} s off that of {}, ± {:.3f} s", offset, s.primary.name, unsure);
  const double surely = std::abs(offset) - unsure;
  const std::string remedy = "timedatectl set-ntp true, or install chrony; `chronyc tracking` shows how far it is";
  const std::string consequence = "lag in seconds, times in logs and recovery to a point in time are wrong by as much";
  if (surely > clock_warning_seconds) return Judgement{Severity::warning, seen, consequence, remedy};
  if (surely > clock_note_seconds) return Judgement{Severity::note, seen, consequence, remedy};
  if (unsure > clock_note_seconds)
    return Judgement{Severity::unknown, seen, "the line is too slow to tell",
                     "run `dugong check` again when it is idle"};
  return fine(seen);
}

// Of the other servers in the file that run on this host: one kernel, one memory.
struct Neighbours {
  Bytes buffers = 0;
  std::string names;
};
Neighbours neighbours_of(const Scene& s) {
  Neighbours found;
  for (const auto& node : s.spec.nodes) {
    const auto* seen = s.all.find(node.name);
    if (node.name == s.node.name || !seen->host || seen->host->boot_id.empty()) continue;
    if (seen->host->boot_id != s.seen.host->boot_id) continue;
    found.buffers += size_of(wanted(s.spec, node, *seen, "shared_buffers", "128MB"), 8 << 10).value_or(0);
    found.names += (found.names.empty() ? "" : ", ") + node.name;
  }
  return found;
}

// All connections sorting at once; nothing: it fits.
Maybe judge_work_memory(const Scene& s, const std::string& seen, Bytes buffers) {
  const auto memory = s.seen.host->memory;
  const auto work_mem = size_of(wanted(s, "work_mem", "4MB"), 1 << 10);
  const auto connections = number_of(wanted(s, "max_connections", "100"));
  if (!work_mem || !connections) return std::nullopt;
  const double most = static_cast<double>(buffers) + *connections * static_cast<double>(*work_mem);
  if (most <= static_cast<double>(memory)) return std::nullopt;
  return Judgement{Severity::note,
                   fmt::format("{}; with {:.0f} connections of {} work_mem it may be {}", seen, *connections,
                               human_bytes(*work_mem), human_bytes(static_cast<Bytes>(most))),
                   "when all connections sort at once, the kernel kills the server",
                   "a smaller work_mem or max_connections, and a connection pool in front"};
}

Maybe judge_memory(const Scene& s) {
  const auto memory = s.seen.host->memory;
  const auto wish = wanted(s, "shared_buffers", "128MB");
  const auto size = size_of(wish, 8 << 10);
  if (memory == 0 || !size)
    return Judgement{Severity::unknown,
                     fmt::format("shared_buffers is {}, the host's memory {}", wish.value,
                                 memory == 0 ? "not known" : human_bytes(memory)),
                     "the server may not start", "write shared_buffers with a unit; see `free -h`"};
  const auto others = neighbours_of(s);
  const auto buffers = *size + others.buffers;
  auto seen =
      fmt::format("shared_buffers is {} ({}), the host has {}", human_bytes(*size), wish.from, human_bytes(memory));
  if (!others.names.empty()) seen += fmt::format("; {} on it too: {} together", others.names, human_bytes(buffers));
  const auto remedy = fmt::format("shared_buffers = \"{}MB\" in [postgres.settings]: a quarter of the memory{}",
                                  memory / 4 >> 20, others.names.empty() ? "" : ", for all of them together");
  if (buffers >= memory)
    return Judgement{Severity::critical, seen, "the server does not start, or is killed for want of memory", remedy};
  if (buffers > memory / 100 * 60)
    return Judgement{Severity::warning, seen,
                     "little is left for queries and for ZFS's cache (ARC): the kernel may kill the server", remedy};
  if (auto told = judge_work_memory(s, seen, buffers)) return told;
  return fine(seen);
}

Maybe judge_huge_pages(const Scene& s) {
  const auto& host = *s.seen.host;
  const auto mode = wanted(s, "huge_pages", "try");
  const auto buffers = size_of(wanted(s, "shared_buffers", "128MB"), 8 << 10);
  const auto stock = fmt::format("huge_pages is {} ({}); {} of {} huge pages of {} are free", mode.value, mode.from,
                                 host.huge_pages_free, host.huge_pages, human_bytes(host.huge_page));
  if (mode.value == "off") return fine("huge_pages is off");
  if (host.huge_page == 0 || !buffers)
    return Judgement{mode.value == "on" ? Severity::unknown : Severity::note, "the host does not tell its huge pages",
                     "with huge_pages = on the server may not start", "grep Huge /proc/meminfo"};
  // Shared memory is a little more than shared_buffers (postgres -C shared_memory_size_in_huge_pages).
  const auto need = (*buffers / 100 * 105) / host.huge_page + 1;
  const auto remedy = fmt::format("sysctl -w vm.nr_hugepages={}, and the same in /etc/sysctl.d",
                                  host.huge_pages - host.huge_pages_free + need);
  const bool has_them =
      s.seen.sql && s.seen.sql->settings.contains("huge_pages") && s.seen.sql->settings.at("huge_pages").value == "on";
  if (mode.value == "on" && !has_them && host.huge_pages_free < need)
    return Judgement{Severity::critical, fmt::format("{}, about {} are needed", stock, need),
                     "the server does not start", remedy};
  if (mode.value != "on" && host.huge_pages == 0 && *buffers >= (Bytes{8} << 30))
    return Judgement{Severity::note, stock, "every connection has page tables of its own for all of shared_buffers",
                     remedy};
  return fine(stock);
}

}  // namespace

const std::vector<Subject>& host_subjects() {
  static const std::vector<Subject> all{{"upstream-port", judge_upstream_port},
                                        {"peer-port", judge_peer_ports},
                                        {"clock", judge_clocks},
                                        {"memory", judge_memory},
                                        {"huge-pages", judge_huge_pages}};
  return all;
}

}  // namespace dugong::report
