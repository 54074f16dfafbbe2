// Events as they happen, on standard error: one live line for a person, lines for a log, JSON for a program.
#pragma once

#include <map>
#include <mutex>
#include <ostream>
#include <string>

#include "base/event.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/text_style.h"

namespace dugong::cli {

// What stays on the screen or in the log; empty for what only passes by.
std::string lasting_line(const Event& event, const Style& style);
// What passes by: "a → b  [=====>    ]  52 %  1.2 GiB of 2.3 GiB  109 MiB/s  10 s left", cut to `width`.
std::string live_line(const Event& event, std::size_t width);

// `automatic` is settled: tty on a terminal, else plain.
ProgressMode settle(ProgressMode wanted, bool is_terminal);

class Progress {
 public:
  Progress(std::ostream& to, ProgressMode mode, std::size_t width, Style style)
      : to_{to}, mode_{mode}, width_{width}, style_{style} {}
  // Thread-safe.
  void show(const Event& event, Steady::time_point now);
  // Takes the live line away; whoever prints next starts on a clean one.
  void clear();
  [[nodiscard]] std::size_t steps_done() const;

 private:
  void show_tty(const Event& event, Steady::time_point now);
  void show_plain(const Event& event, Steady::time_point now);
  void clear_line();

  std::ostream& to_;
  ProgressMode mode_;
  std::size_t width_;
  Style style_;
  mutable std::mutex mutex_;
  std::size_t steps_done_ = 0;
  bool live_ = false;
  Steady::time_point drawn_{};
  std::map<std::string, Steady::time_point> last_told_;  // plain: by the text of a transfer or wait
};

}  // namespace dugong::cli
