#include "node/marked.h"

#include "os/spawn.h"
#include "zfs/commands.h"

namespace dugong::node {

Result<> require_marked(const std::string& dataset, Deadline deadline, const std::stop_token& stop) {
  bool marked = false;
  // Children inherit the mark, so the first that exists tells for all above it.
  for (auto name = dataset; !name.empty(); name = zfs::parent_of(name)) {
    os::Command command;
    command.argv = zfs::render_cluster_mark(name);
    const auto argv = command.argv;
    const auto output = TRY(os::run(std::move(command), deadline, stop));
    if (!output.exit.ok() && zfs::says_absent(name, output.err)) continue;
    if (!output.exit.ok()) return fail(zfs::judge_failure(argv, output.exit.code, output.err));
    marked = zfs::says_marked(output.out);
    break;
  }
  if (marked) return {};
  return fail(
      Error{ErrorKind::refused,
            dataset + " does not carry dugong's mark, nor does one above it",
            {},
            "nothing was changed",
            "to allow it, list it in `prefixes` of node.toml on this node, with those of all nodes on this host: a "
            "list there replaces the default"});
}

}  // namespace dugong::node
