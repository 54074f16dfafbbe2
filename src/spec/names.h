// What a name in the cluster file may look like, and why. Pure predicates: each returns what is wrong, or nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dugong::spec {

struct Complaint {
  std::string what;  // "it begins with a digit"
  std::string next;  // what to write instead
};
using Verdict = std::optional<Complaint>;  // none: fine
using Check = Verdict (*)(std::string_view);

Verdict check_name(std::string_view text);            // of a cluster or a node
Verdict check_address(std::string_view text);         // host name, IPv4 or IPv6
Verdict check_ssh(std::string_view text);             // [user@]host, one word of ssh's command line
Verdict check_dataset(std::string_view text);         // POOL/PATH
Verdict check_path(std::string_view text);            // absolute, no "..", not "/"
Verdict check_node_directory(std::string_view text);  // a path that may hold sockets
Verdict check_database(std::string_view text);
Verdict check_role(std::string_view text);
Verdict check_extension(std::string_view text);
Verdict check_image(std::string_view text);
Verdict check_os_user(std::string_view text);
Verdict check_shm_size(std::string_view text);
Verdict check_password(std::string_view text);

bool is_variable_name(std::string_view text);  // of the environment: [A-Za-z_][A-Za-z0-9_]*
bool is_ipv4(std::string_view text);
bool is_ipv6(std::string_view text);

// "/a//b/./c/" → "/a/b/c": two spellings of one directory are one directory.
std::string normal_path(std::string_view path);

}  // namespace dugong::spec
