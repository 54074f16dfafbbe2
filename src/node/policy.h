// What this machine lets a controller do, whoever it is: the node's own file, judged before anything is run.
//
// /etc/dugong/node.toml:
//   prefixes    = ["tank/dex", "zpool/data"]      # datasets, with everything below them
//   directories = ["/srv/dugong", "/zpool/data"]  # files and mount points
//   projects    = ["dugong-dex-*"]                # Compose projects; a * at the end stands for anything
//   bin_dirs    = ["/usr/lib/postgresql"]         # where initdb and pg_ctl may be run from; nothing is written there
//   os_users    = ["postgres"]                    # as whom they may be run
// A key that is absent keeps the default: any dataset below a pool that carries dugong's mark or is made anew, any
// directory but the system's own and those above it, projects "dugong-*", programs below /usr and /opt, user postgres.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "node/request.h"
#include "node/stream.h"

namespace dugong::node {

struct Policy {
  std::string file = "/etc/dugong/node.toml";  // for messages
  std::optional<std::vector<std::string>> prefixes;
  std::optional<std::vector<std::string>> directories;
  std::vector<std::string> projects = {"dugong-*"};
  std::vector<std::string> bin_dirs = {"/usr", "/opt"};
  std::vector<std::string> os_users = {"postgres"};
  std::vector<std::string> listed = {};  // the keys that the file has: the others have their default
  [[nodiscard]] bool lists(std::string_view key) const;
};
// What the advice to add to a key has to go on with where the file has none: who starts a list there locks out what the
// default allowed. Empty where it has one.
std::string if_unlisted(std::string_view key, const Policy& policy);

// Pure. Errors: refused, with the file and the key to change; invalid for names that no file could allow.
Result<> judge(const Request& request, const Policy& policy);
Result<> judge(const StreamRequest& request, const Policy& policy);

// Errors: invalid with file:line:column; a key that is not known is one of them.
Result<Policy> parse_policy(std::string_view text, const std::string& file);
// Absent: there is no such name. Whatever else is there has to be a file that can be read. Errors: as above, and
// refused when it is none, not root's, or anybody else may write it.
Result<std::optional<Policy>> read_policy(const std::string& file);
// $DUGONG_NODE_CONFIG or /etc/dugong/node.toml. Absent at the default place: the defaults. Errors: as above.
Result<Policy> load_policy();

}  // namespace dugong::node
