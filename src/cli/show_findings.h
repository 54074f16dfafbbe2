// Findings of `check` as people read them, and as a monitoring plugin prints them.
#pragma once

#include <string>
#include <vector>

#include "cli/text_style.h"
#include "report/check.h"

namespace dugong::cli {

struct Tally {
  std::size_t ok = 0, note = 0, unknown = 0, warning = 0, critical = 0;
  std::size_t nodes = 0;
  std::size_t unreachable = 0;
};
Tally tally_of(const std::vector<report::Finding>& findings);

// The worst first, each with what follows and what helps; then what is well, one line each.
std::string render_findings(const std::string& cluster, const std::vector<report::Finding>& findings,
                            const Style& style);

// One line with performance data, and the exit code that goes with it (Monitoring Plugins Development Guidelines).
struct PluginLine {
  std::string text;
  int code = 3;
};
PluginLine plugin_line(const std::string& cluster, const std::vector<report::Finding>& findings, double seconds);
PluginLine plugin_line(const Error& error);  // it could not be checked at all

}  // namespace dugong::cli
