#include "runtime/engine_api.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/ids.h"
#include "base/text.h"

namespace dugong::runtime {
namespace {

using Json = nlohmann::json;

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// "\r\nContent-Length: 12\r\n" among the header's lines; names are in any case.
bool is_whole(std::string_view head, std::string_view body) {
  for (const auto line : lines(head)) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string name{line.substr(0, colon)};
    std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
    if (name == "transfer-encoding") return false;
    if (name != "content-length") continue;
    const auto length = parse_u64(trim(line.substr(colon + 1)));
    if (!length || *length != body.size()) return false;
  }
  return true;
}

}  // namespace

std::string engine_question(std::string_view path) {
  return "GET " + std::string{path} + " HTTP/1.0\r\nHost: docker\r\n\r\n";
}

std::string all_containers_path() { return "/containers/json?all=1"; }
std::string all_volumes_path() { return "/volumes"; }
std::string container_path(std::string_view id) { return "/containers/" + std::string{id} + "/json"; }

Result<std::string> engine_answer(std::string_view response) {
  constexpr std::string_view gap = "\r\n\r\n";
  const auto end = response.find(gap);
  const auto first = response.substr(0, response.find("\r\n"));
  const auto words = split(first, ' ');
  if (end == std::string_view::npos || words.size() < 2 || !words[0].starts_with("HTTP/1."))
    return fail(ErrorKind::failed, "not an answer of a container engine: " + printable(shorten(response, 100)));
  const auto head = response.substr(0, end);
  const auto body = response.substr(end + gap.size());
  if (words[1] == "404") return fail(ErrorKind::conflict, "the engine has no such container");
  if (words[1] != "200") return fail(ErrorKind::failed, printable(first) + ": " + printable(shorten(trim(body), 300)));
  if (!is_whole(head, body)) return fail(ErrorKind::failed, "the engine's answer was cut off");
  return std::string{body};
}

Result<std::vector<std::string>> parse_container_list(std::string_view json) {
  const auto list = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!list.is_array()) return fail(ErrorKind::failed, "not a list of containers: " + printable(shorten(json, 100)));
  std::vector<std::string> ids;
  for (const auto& entry : list) {
    const auto id = entry.is_object() ? entry.find("Id") : entry.end();
    if (!entry.is_object() || id == entry.end() || !id->is_string() || !is_id(id->get<std::string>()))
      return fail(ErrorKind::failed, "a container without an id in the engine's list");
    ids.push_back(id->get<std::string>());
  }
  return ids;
}

std::string as_inspect_list(const std::vector<std::string>& bodies) { return "[" + join(bodies, ",") + "]"; }

}  // namespace dugong::runtime
