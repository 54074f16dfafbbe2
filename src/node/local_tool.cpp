// Running the tools of the host.
#include "base/text.h"
#include "node/local_doors.h"

namespace dugong::node {
namespace {

// "docker image", "zfs get", "pg_ctl": the program and, for those that have them, its verb.
std::string name_of_tool(const std::vector<std::string>& argv) {
  if (argv.empty()) return "nothing";
  auto name = argv[0].substr(argv[0].rfind('/') + 1);
  if ((name == "docker" || name == "zfs" || name == "zpool") && argv.size() > 1) name += " " + argv[1];
  return name;
}

}  // namespace

Error tool_error(const std::vector<std::string>& argv, const os::Output& output) {
  std::vector<std::string> words;
  for (const auto line : lines(output.err.empty() ? output.out : output.err))
    if (!trim(line).empty()) words.emplace_back(trim(line));
  const auto text = words.empty() ? os::to_string(output.exit) : shorten(printable(join(words, "; ")), 1000);
  return {ErrorKind::failed, name_of_tool(argv) + ": " + text, {}, {}, {}};
}

Result<os::Output> run_tool(os::Command command, const Call& call) {
  const auto argv = command.argv;
  auto output = TRY(os::run(std::move(command), call.deadline, call.stop));
  if (!output.exit.ok()) return fail(tool_error(argv, output));
  return output;
}

}  // namespace dugong::node
