#include "cli/show_checks.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "cli/table.h"

namespace dugong::cli {
namespace {

Colour colour_of(report::Verdict verdict) {
  switch (verdict) {
    case report::Verdict::ok:
      return Colour::green;
    case report::Verdict::failed:
      return Colour::red;
    case report::Verdict::skipped:
      return Colour::yellow;
  }
  return Colour::none;
}

}  // namespace

std::string render_checks(const std::vector<report::Check>& checks, const Style& style) {
  Table table;
  table.columns = {{"RESULT", Align::left}, {"NODE", Align::left}, {"CHECK", Align::left}, {"EVIDENCE", Align::left}};
  for (const auto& check : checks)
    table.rows.push_back({{to_string(check.outcome), colour_of(check.outcome)},
                          {check.node},
                          {check.id},
                          {replace_all(printable(check.evidence), "\n", " ")}});
  const auto count = [&](report::Verdict verdict) {
    return std::ranges::count(checks, verdict, &report::Check::outcome);
  };
  return render_table(table, style) + fmt::format("\n{} ok, {} failed, {} skipped\n", count(report::Verdict::ok),
                                                  count(report::Verdict::failed), count(report::Verdict::skipped));
}

}  // namespace dugong::cli
