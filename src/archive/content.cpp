// Whether a file is what its name says.
#include "archive/push.h"
#include "base/text.h"

namespace dugong::archive {
namespace {

// "1\t0/3000110\tno recovery target specified": the parents of a timeline are older than it. A first history line is
// optional in theory only: PostgreSQL writes one for every timeline after the first.
Result<> check_timeline_history(TimelineId timeline, std::string_view content) {
  std::size_t entries = 0;
  for (const auto line : lines(content)) {
    const auto entry = trim(line);
    if (entry.empty() || entry.starts_with('#')) continue;
    const auto fields = split(entry, '\t');
    const auto parent = parse_u64(fields.front());
    if (!parent || *parent == 0 || fields.size() < 2 || !parse_lsn(fields[1]))
      return fail(ErrorKind::refused, "not a timeline history: '" + printable(shorten(entry, 120)) + "'");
    if (*parent >= timeline.value)
      return fail(ErrorKind::refused, "names timeline " + std::to_string(*parent) + " as a parent of timeline " +
                                          std::to_string(timeline.value));
    ++entries;
  }
  if (entries == 0) return fail(ErrorKind::refused, "a timeline history without a parent");
  return {};
}

Result<> check_backup_history(std::string_view content) {
  if (content.starts_with("START WAL LOCATION: ")) return {};
  return fail(ErrorKind::refused, "not a backup history: it does not begin with START WAL LOCATION");
}

}  // namespace

Result<> check_content(const postgres::WalFileName& name, std::string_view content, SystemId expected) {
  switch (name.kind) {
    case postgres::WalFileKind::segment:
    case postgres::WalFileKind::partial:
      return postgres::check_segment(name, content, content.size(), expected);
    case postgres::WalFileKind::timeline_history:
      return check_timeline_history(name.timeline, content);
    case postgres::WalFileKind::backup_history:
      return check_backup_history(content);
  }
  return fail(ErrorKind::refused, "not a kind of WAL file");
}

}  // namespace dugong::archive
