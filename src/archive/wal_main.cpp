// dugong-wal: the archive_command of the servers. Static, small and without settings, because it runs inside the
// database's container, whichever libc that has.
#include <cstdio>
#include <exception>
#include <span>
#include <string_view>

#include "archive/push.h"
#include "base/text.h"
#include "os/files.h"
#include "os/signals.h"

namespace dugong::archive {
namespace {

// PostgreSQL gives %p relative to the data directory, which is the working directory of its children.
Result<std::string> absolute(std::string_view path) {
  if (path.starts_with('/')) return std::string{path};
  return TRY(os::read_link("/proc/self/cwd")) + "/" + std::string{path};
}

Result<Pushed> run_push(std::span<char*> arguments) {
  Push request;
  request.source = TRY(absolute(arguments[0]));
  request.archive = TRY(absolute(arguments[1]));
  request.name = arguments[2];
  return push(request);
}

// One line: it goes to the server's log, which ends a message at a newline.
void complain(const Error& error) {
  auto text = error.where.empty() ? error.what : error.where + ": " + error.what;
  if (!error.next.empty()) text += " (" + error.next + ")";
  text = replace_all(printable(text), "\n", " ");
  (void)std::fprintf(stderr, "dugong-wal: %s\n", text.c_str());
}

int usage(std::FILE* stream, int code) {
  (void)std::fputs("usage: dugong-wal push SOURCE ARCHIVE_DIRECTORY NAME\n       dugong-wal version\n", stream);
  return code;
}

int run(std::span<char*> arguments) {
  const std::string_view verb = arguments.empty() ? "" : arguments[0];
  if (verb == "version" && arguments.size() == 1) return std::puts(DUGONG_VERSION) < 0 ? 1 : 0;
  if (verb == "help" || verb == "--help") return usage(stdout, 0);
  if (verb != "push" || arguments.size() != 4) return usage(stderr, 2);
  const auto pushed = run_push(arguments.subspan(1));
  if (pushed) return 0;
  complain(pushed.error());
  return 1;
}

}  // namespace
}  // namespace dugong::archive

int main(int argc, char** argv) {
  // A log that nobody reads any more must not kill it: a signal ends the archiver, not only this segment's turn
  // (pgarch.c: pgarch_archiveXlog, wait_result_is_any_signal).
  dugong::os::ignore_sigpipe();
  const std::span arguments{argv, static_cast<std::size_t>(argc)};
  try {
    return dugong::archive::run(arguments.subspan(arguments.empty() ? 0 : 1));
  } catch (const std::exception& exception) {  // no memory for the segment; abort() would be exit 134
    dugong::archive::complain({dugong::ErrorKind::failed, exception.what(), {}, {}, {}});
    return 1;
  }
}
