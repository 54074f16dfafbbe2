// The JSON header of a frame: the only file of this room that meets the JSON library. Bytes that are not UTF-8 stop
// before it; keys of another type than expected count as absent.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "wire/frame.h"

namespace dugong::wire {
namespace {

using Json = nlohmann::json;
template <class Enum>
struct Name {
  Enum value;
  std::string_view name;
};

constexpr std::array kinds{
    Name<Kind>{Kind::hello, "hello"},     Name<Kind>{Kind::ask, "ask"},   Name<Kind>{Kind::answer, "answer"},
    Name<Kind>{Kind::error, "error"},     Name<Kind>{Kind::data, "data"}, Name<Kind>{Kind::end, "end"},
    Name<Kind>{Kind::cancel, "cancel"},   Name<Kind>{Kind::beat, "beat"}, Name<Kind>{Kind::progress, "progress"},
    Name<Kind>{Kind::unknown, "unknown"},
};
constexpr std::array purposes{Name<Purpose>{Purpose::control, "control"}, Name<Purpose>{Purpose::stream, "stream"}};
constexpr std::array error_kinds{
    Name<ErrorKind>{ErrorKind::invalid, "invalid"},     Name<ErrorKind>{ErrorKind::refused, "refused"},
    Name<ErrorKind>{ErrorKind::conflict, "conflict"},   Name<ErrorKind>{ErrorKind::unreachable, "unreachable"},
    Name<ErrorKind>{ErrorKind::failed, "failed"},       Name<ErrorKind>{ErrorKind::partial, "partial"},
    Name<ErrorKind>{ErrorKind::timed_out, "timed_out"}, Name<ErrorKind>{ErrorKind::interrupted, "interrupted"},
};

template <class Table, class Enum>
std::string name_of(const Table& table, Enum value) {
  for (const auto& entry : table) {
    if (entry.value == value) return std::string{entry.name};
  }
  return {};
}

template <class Table, class Enum>
Enum value_of(const Table& table, std::string_view name, Enum otherwise) {
  for (const auto& entry : table) {
    if (entry.name == name) return entry.value;
  }
  return otherwise;
}

// A header must fit into 64 KiB whatever is in its texts: a byte becomes three at most (U+FFFD, or an escape).
constexpr std::size_t capability_text = 64;
constexpr std::size_t short_text = 256;
constexpr std::size_t middle_text = 1024;
constexpr std::size_t long_text = 4096;
constexpr std::size_t many = 32;

std::string safe(std::string_view text, std::size_t limit) { return printable(shorten(text, limit)); }

std::string text_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::optional<std::uint64_t> number_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

const Json* object_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_object() ? &*found : nullptr;
}

Json to_json(const Hello& hello) {
  Json capabilities = Json::array();
  for (const auto& name : hello.capabilities) {
    if (capabilities.size() < many) capabilities.push_back(safe(name, capability_text));
  }
  return {{"min", hello.protocol_min},
          {"max", hello.protocol_max},
          {"version", safe(hello.version, short_text)},
          {"host", safe(hello.hostname, short_text)},
          {"purpose", name_of(purposes, hello.purpose)},
          {"capabilities", std::move(capabilities)}};
}

std::uint32_t protocol_at(const Json& json, const char* key) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(number_at(json, key).value_or(0), UINT32_MAX));
}

Hello to_hello(const Json& json) {
  Hello hello;
  hello.protocol_min = protocol_at(json, "min");
  hello.protocol_max = protocol_at(json, "max");
  hello.version = text_at(json, "version");
  hello.hostname = text_at(json, "host");
  hello.purpose = value_of(purposes, text_at(json, "purpose"), Purpose::control);
  const auto capabilities = json.find("capabilities");
  if (capabilities == json.end() || !capabilities->is_array()) return hello;
  for (const auto& name : *capabilities) {
    if (name.is_string() && hello.capabilities.size() < many) hello.capabilities.push_back(name.get<std::string>());
  }
  return hello;
}

Json to_json(const Progress& progress) {
  Json json{{"done", progress.done}, {"text", safe(progress.text, middle_text)}};
  if (progress.total) json["total"] = *progress.total;
  return json;
}

Progress to_progress(const Json& json) {
  return {number_at(json, "done").value_or(0), number_at(json, "total"), text_at(json, "text")};
}

Json to_json(const Error& error) {
  return {{"kind", name_of(error_kinds, error.kind)},
          {"what", safe(error.what, long_text)},
          {"where", safe(error.where, middle_text)},
          {"left", safe(error.left, middle_text)},
          {"next", safe(error.next, middle_text)}};
}

Error to_error(const Json& json) {
  return {value_of(error_kinds, text_at(json, "kind"), ErrorKind::failed), text_at(json, "what"),
          text_at(json, "where"), text_at(json, "left"), text_at(json, "next")};
}

constexpr std::uint64_t year_in_ms = 365ULL * 24 * 3600 * 1000;

Header to_header(const Json& json) {
  Header header;
  header.kind = value_of(kinds, text_at(json, "kind"), Kind::unknown);
  header.id = number_at(json, "id").value_or(0);
  header.name = text_at(json, "name");
  // Bounded: added to a clock it must not wrap.
  if (const auto ms = number_at(json, "ms")) header.remaining = Millis{std::min(*ms, year_in_ms)};
  header.more = number_at(json, "more").value_or(0) != 0 ? More::yes : More::no;
  header.plain = number_at(json, "plain").value_or(0);
  header.total = number_at(json, "total").value_or(0);
  header.digest = number_at(json, "xxh3").value_or(0);
  if (const auto* hello = object_at(json, "hello")) header.hello = to_hello(*hello);
  if (const auto* progress = object_at(json, "progress")) header.progress = to_progress(*progress);
  if (const auto* error = object_at(json, "error")) header.error = to_error(*error);
  return header;
}

}  // namespace

std::string encode_header(const Header& header) {
  Json json{{"kind", name_of(kinds, header.kind)}};
  if (header.id != 0) json["id"] = header.id;
  if (!header.name.empty()) json["name"] = safe(header.name, short_text);
  if (header.remaining) json["ms"] = static_cast<std::uint64_t>(std::max<std::int64_t>(header.remaining->count(), 0));
  if (header.more == More::yes) json["more"] = 1U;
  if (header.plain != 0) json["plain"] = header.plain;
  if (header.total != 0) json["total"] = header.total;
  if (header.digest != 0) json["xxh3"] = header.digest;
  if (header.hello) json["hello"] = to_json(*header.hello);
  if (header.progress) json["progress"] = to_json(*header.progress);
  if (header.error) json["error"] = to_json(*header.error);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Header> decode_header(std::string_view json_text) {
  if (!is_utf8(json_text)) return fail(ErrorKind::unreachable, "a frame header that is not UTF-8");
  const Json json = Json::parse(json_text, nullptr, false);
  if (!json.is_object()) return fail(ErrorKind::unreachable, "a frame header that is not a JSON object");
  return to_header(json);
}

}  // namespace dugong::wire
