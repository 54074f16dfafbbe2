#include "cli/progress.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "cli/json.h"
#include "cli/table.h"

namespace dugong::cli {
namespace {

constexpr Millis redraw_every{100};
constexpr Millis tell_every{10'000};
constexpr double worth_telling_seconds = 5;  // plain: shorter steps are told once, when they begin
constexpr std::size_t bar_cells = 20;

std::string step_number(std::size_t number, std::size_t total) {
  const auto digits = std::to_string(total).size();
  return fmt::format("[{:>{}}/{}]", number, digits, total);
}

std::string duration(double seconds) { return human_duration(std::chrono::duration<double>{seconds}); }

std::string bar(double part) {
  const auto filled = static_cast<std::size_t>(std::clamp(part, 0.0, 1.0) * static_cast<double>(bar_cells));
  std::string text(filled, '=');
  if (filled < bar_cells) text += '>';
  text.resize(bar_cells, ' ');
  return "[" + text + "]";
}

std::string describe(const TransferProgress& event) {
  std::string text = event.text;
  if (event.total && *event.total > 0) {
    // The estimate may be too low; 100 % is said only by the step that is done.
    const double part = std::min(0.99, static_cast<double>(event.done) / static_cast<double>(*event.total));
    text += fmt::format("  {}  {:>2.0f} %  {} of about {}", bar(part), part * 100, human_bytes(event.done),
                        human_bytes(*event.total));
  } else {
    text += fmt::format("  {}", human_bytes(event.done));
  }
  if (event.bytes_per_second > 0)
    text += fmt::format("  {}/s", human_bytes(static_cast<Bytes>(event.bytes_per_second)));
  if (event.eta_seconds) text += fmt::format("  {} left", duration(*event.eta_seconds));
  return text;
}

struct Lasting {
  const Style& style;
  std::string operator()(const StepStarted&) const { return {}; }
  std::string operator()(const StepDone& e) const {
    auto text = fmt::format("{} {}", step_number(e.number, e.total), printable(e.text));
    if (!e.evidence.empty()) text += fmt::format(": {}", printable(e.evidence));
    return e.seconds < 0.1 ? text : text + fmt::format(" ({})", duration(e.seconds));
  }
  std::string operator()(const TransferProgress&) const { return {}; }
  std::string operator()(const WaitProgress&) const { return {}; }
  std::string operator()(const Note& e) const { return "note: " + printable(e.text); }
  std::string operator()(const Warning& e) const {
    return style.paint(Colour::yellow, "warning:") + " " + printable(e.text);
  }
};

struct Live {
  std::string operator()(const StepStarted& e) const {
    return fmt::format("{} {} …", step_number(e.number, e.total), printable(e.text));
  }
  std::string operator()(const StepDone&) const { return {}; }
  std::string operator()(const TransferProgress& e) const { return describe(e); }
  std::string operator()(const WaitProgress& e) const {
    return e.detail.empty() ? printable(e.text) + " …" : fmt::format("{}: {}", printable(e.text), printable(e.detail));
  }
  std::string operator()(const Note&) const { return {}; }
  std::string operator()(const Warning&) const { return {}; }
};

const std::string* recurring(const Event& event) {
  if (const auto* transfer = std::get_if<TransferProgress>(&event)) return &transfer->text;
  if (const auto* wait = std::get_if<WaitProgress>(&event)) return &wait->text;
  return nullptr;
}

}  // namespace

std::string lasting_line(const Event& event, const Style& style) { return std::visit(Lasting{style}, event); }

std::string live_line(const Event& event, std::size_t width) {
  return fit(replace_all(std::visit(Live{}, event), "\n", " "), width);
}

ProgressMode settle(ProgressMode wanted, bool is_terminal) {
  if (wanted != ProgressMode::automatic) return wanted;
  return is_terminal ? ProgressMode::tty : ProgressMode::plain;
}

void Progress::clear_line() {
  if (live_) to_ << "\r\033[K";
  live_ = false;
}

void Progress::clear() {
  const std::lock_guard lock{mutex_};
  clear_line();
  to_.flush();
}

std::size_t Progress::steps_done() const {
  const std::lock_guard lock{mutex_};
  return steps_done_;
}

void Progress::show_tty(const Event& event, Steady::time_point now) {
  if (const auto line = lasting_line(event, style_); !line.empty()) {
    clear_line();
    to_ << line << "\n" << std::flush;
    return;
  }
  if (recurring(event) != nullptr && live_ && now - drawn_ < redraw_every) return;
  const auto line = live_line(event, width_ > 1 ? width_ - 1 : width_);
  if (line.empty()) return;
  to_ << "\r\033[K" << line << std::flush;
  live_ = true;
  drawn_ = now;
}

void Progress::show_plain(const Event& event, Steady::time_point now) {
  if (const auto* name = recurring(event)) {
    const auto [last, is_new] = last_told_.try_emplace(*name, now);
    if (is_new || now - last->second < tell_every) return;
    last->second = now;
    to_ << "  " << live_line(event, std::string::npos) << std::endl;
  } else if (const auto* step = std::get_if<StepStarted>(&event)) {
    to_ << step_number(step->number, step->total) << " " << printable(step->text) << std::endl;
  } else if (const auto* done = std::get_if<StepDone>(&event)) {
    if (done->seconds >= worth_telling_seconds || !done->evidence.empty())
      to_ << lasting_line(event, style_) << ": done" << std::endl;
    last_told_.clear();
  } else {
    to_ << lasting_line(event, style_) << std::endl;
  }
}

void Progress::show(const Event& event, Steady::time_point now) {
  const std::lock_guard lock{mutex_};
  if (std::holds_alternative<StepDone>(event)) ++steps_done_;
  switch (mode_) {
    case ProgressMode::automatic:
    case ProgressMode::plain:
      return show_plain(event, now);
    case ProgressMode::tty:
      return show_tty(event, now);
    case ProgressMode::json:
      to_ << event_json(event) << std::endl;
      return;
    case ProgressMode::quiet:
      if (std::holds_alternative<Warning>(event)) to_ << lasting_line(event, style_) << std::endl;
      return;
  }
}

}  // namespace dugong::cli
