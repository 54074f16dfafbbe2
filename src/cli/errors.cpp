#include "cli/errors.h"

#include "base/text.h"
#include "cli/command.h"

namespace dugong::cli {
namespace {

std::string_view word(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return "invalid";
    case ErrorKind::refused:
      return "refused";
    case ErrorKind::conflict:
      return "not as expected";
    case ErrorKind::unreachable:
      return "unreachable";
    case ErrorKind::failed:
      return "failed";
    case ErrorKind::partial:
      return "partly done";
    case ErrorKind::timed_out:
      return "timed out";
    case ErrorKind::interrupted:
      return "interrupted";
  }
  return "failed";
}

std::string line(std::string_view label, const std::string& text) {
  if (text.empty()) return {};
  const auto shown = replace_all(printable(trim(text)), "\n", "\n         ");
  return std::string{"  "} + std::string{label} + shown + "\n";
}

}  // namespace

std::string render_error(const Error& error, const Style& style) {
  auto what = printable(trim(error.what));
  const std::string kind{word(error.kind)};
  if (what == kind) what.clear();
  auto text = "dugong: " + style.paint(Colour::red, kind) + (what.empty() ? "" : ": " + what) + "\n";
  text += line("where: ", error.where);
  text += line("left:  ", error.left);
  text += line("next:  ", error.next);
  return text;
}

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return exits::usage;
    case ErrorKind::refused:
      return exits::refused;
    case ErrorKind::partial:
      return exits::partial;
    case ErrorKind::timed_out:
      return exits::timed_out;
    case ErrorKind::conflict:
    case ErrorKind::unreachable:
    case ErrorKind::failed:
    case ErrorKind::interrupted:
      return exits::failed;
  }
  return exits::failed;
}

}  // namespace dugong::cli
