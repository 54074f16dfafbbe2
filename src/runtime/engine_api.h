// The Docker Engine's own API as text, for the one question that every look asks: what containers there are. The docker
// program takes some 30 ms of a processor for each of its two halves, the engine one or two.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dugong::runtime {

// HTTP/1.0: the answer is neither chunked nor followed by anything. Without a version in its path it is answered by
// the newest API that the engine has (api/server/router_swapper.go, api.md: "If you omit the version-prefix").
std::string engine_question(std::string_view path);
std::string all_containers_path();
std::string all_volumes_path();
std::string container_path(std::string_view id);

// The body of a 200. Errors: conflict, 404; failed, anything else, with the engine's words.
Result<std::string> engine_answer(std::string_view response);

// ids of the list that all_containers_path() answers; as many hex digits as can be part of a path.
Result<std::vector<std::string>> parse_container_list(std::string_view json);
// `docker container inspect` of several is the list of what the engine says of each.
std::string as_inspect_list(const std::vector<std::string>& bodies);

}  // namespace dugong::runtime
