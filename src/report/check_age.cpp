// Versions near or past their end: what gets no more corrections.
#include <algorithm>
#include <array>
#include <chrono>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "report/check_parts.h"

namespace dugong::report {
namespace {

using namespace std::chrono;
using Maybe = std::optional<Judgement>;

constexpr days near{180};

// https://www.postgresql.org/support/versioning/: the last release of each major version.
struct End {
  std::int64_t major = 0;
  sys_days last;
};
constexpr std::array ends{End{12, 2024y / November / 21}, End{13, 2025y / November / 13},
                          End{14, 2026y / November / 12}, End{15, 2027y / November / 11},
                          End{16, 2028y / November / 9},  End{17, 2029y / November / 8},
                          End{18, 2030y / November / 14}};

std::string text_of(sys_days day) { return fmt::format("{:%Y-%m-%d}", fmt::gmtime(system_clock::to_time_t(day))); }

std::int64_t version_of(const Scene& s) {
  if (s.seen.sql) return s.seen.sql->version_number;
  return s.seen.software ? s.seen.software->version_number : 0;
}

Maybe judge_postgres(const Scene& s) {
  const auto major = version_of(s) / 10000;
  if (major == 0)
    return Judgement{Severity::unknown, s.seen.software.error.what, "it may get no more corrections", "see `image`"};
  const auto* end = std::ranges::find(ends, major, &End::major);
  if (end == ends.end()) {
    if (major > ends.back().major)
      return Judgement{Severity::note, fmt::format("PostgreSQL {}: this dugong does not know when it ends", major),
                       "it may end unseen", "https://www.postgresql.org/support/versioning/"};
    return Judgement{Severity::warning, fmt::format("PostgreSQL {} ended before {}", major, text_of(ends.front().last)),
                     "it gets no more corrections",
                     "upgrade to a newer major version (pg_upgrade, or dump and restore)"};
  }
  const auto today = floor<days>(sys_seconds{seconds{s.all.wall_seconds}});
  const auto seen = fmt::format("PostgreSQL {} gets corrections until {}", major, text_of(end->last));
  const std::string remedy = "upgrade to a newer major version (pg_upgrade, or dump and restore)";
  if (today > end->last)
    return Judgement{Severity::warning, fmt::format("PostgreSQL {} ended on {}", major, text_of(end->last)),
                     "it gets no more corrections", remedy};
  if (today + near > end->last)
    return Judgement{Severity::note, seen, "after that it gets no more corrections", remedy};
  return fine(seen);
}

// TimescaleDB 2.20 left PostgreSQL 14 behind: 2.19 is the last there.
Maybe judge_timescaledb(const Scene& s) {
  const auto& extensions = s.spec.postgres.extensions;
  const bool is_wanted = std::ranges::find(extensions, "timescaledb") != extensions.end();
  if (!s.seen.sql) return is_wanted ? Maybe{without_server(s)} : std::nullopt;
  const auto installed = s.seen.sql->extensions.find("timescaledb");
  if (installed == s.seen.sql->extensions.end()) return std::nullopt;
  const auto major = s.seen.sql->version_number / 10000;
  const auto seen = fmt::format("TimescaleDB {} on PostgreSQL {}", installed->second, major);
  if (!version_numbers(installed->second))
    return Judgement{Severity::unknown, seen, "it may get no more corrections", "\\dx timescaledb"};
  if (major > 14) return fine(seen);
  return Judgement{Severity::warning, seen,
                   "TimescaleDB 2.20 and newer do not run on it: there are no more corrections",
                   "upgrade PostgreSQL to 15 or newer with this version of TimescaleDB, then TimescaleDB"};
}

}  // namespace

const std::vector<Subject>& age_subjects() {
  static const std::vector<Subject> all{{"postgres-version", judge_postgres},
                                        {"timescaledb-version", judge_timescaledb}};
  return all;
}

}  // namespace dugong::report
