// The single questions that judge() puts together: is this dataset, this path, this name within the policy?
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "node/policy.h"

namespace dugong::node::rules {

enum class Use { read, write };

Result<> dataset(const std::string& name, Use use, const Policy& policy);
Result<> snapshot(const std::string& name, const Policy& policy);
// Properties that zfs would take; a mountpoint among them is judged as a directory.
Result<> properties(const zfs::Properties& properties, const Policy& policy);
// Of a dataset that is being made, or of one that exists: none that mounts it, for only Mount looks where that would
// be.
Result<> made_unmounted(const zfs::Properties& properties);
Result<> left_unmounted(const zfs::Properties& properties);
Result<> tag(const std::string& tag);
Result<> marks(const std::vector<std::string>& names);  // user properties of dugong's
Result<> container(const std::string& name);
Result<> restart_policy(const std::string& policy);

// An absolute path without "." and "..". Writing needs a directory of its own: "/srv" itself is nobody's, and nothing
// is written where programs are run from.
Result<> path(const std::string& path, Use use, const Policy& policy);
Result<> relative_path(const std::string& path);
Result<> mode(std::uint32_t mode);  // no setuid, no setgid

Result<> server(const runtime::Server& server, Use use, const Policy& policy);
Result<> program_directory(const std::string& directory, const Policy& policy);
Result<> os_user(const std::string& user, const Policy& policy);
Result<> image(const std::string& reference);
Result<> lock_name(const std::string& name);

}  // namespace dugong::node::rules
