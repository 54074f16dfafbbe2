#include "node/codec.h"

#include <array>
#include <cmath>
#include <concepts>
#include <fmt/format.h>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/text.h"
#include "node/fields.h"
#include "wire/protocol.h"

namespace dugong::node {
namespace {

using nlohmann::json;
using wire_form::answer_name;
using wire_form::fields;
using wire_form::Fields;
using wire_form::Listed;

// Enumerators by name; the first column is the contract.
template <class E>
struct Enumerator {
  std::string_view name;
  E value;
};
template <class E>
Enumerator(const char*, E) -> Enumerator<E>;
constexpr std::array kinds{Enumerator{"compose", runtime::Kind::compose},
                           Enumerator{"process", runtime::Kind::process}};
constexpr std::array server_states{
    Enumerator{"absent", runtime::ServerState::absent}, Enumerator{"created", runtime::ServerState::created},
    Enumerator{"running", runtime::ServerState::running}, Enumerator{"exited", runtime::ServerState::exited}};
constexpr std::array db_states{Enumerator{"startup", postgres::DbState::startup},
                               Enumerator{"shutdowned", postgres::DbState::shutdowned},
                               Enumerator{"shutdowned_in_recovery", postgres::DbState::shutdowned_in_recovery},
                               Enumerator{"shutdowning", postgres::DbState::shutdowning},
                               Enumerator{"in_crash_recovery", postgres::DbState::in_crash_recovery},
                               Enumerator{"in_archive_recovery", postgres::DbState::in_archive_recovery},
                               Enumerator{"in_production", postgres::DbState::in_production}};

const auto& enumerators(runtime::Kind) { return kinds; }
const auto& enumerators(runtime::ServerState) { return server_states; }
const auto& enumerators(postgres::DbState) { return db_states; }

// ---- writing

template <class T>
json write(const T& value);

json write_text(const std::string& text) {
  if (is_utf8(text)) return text;
  return json{{"b64", base64_encode(text)}};
}

template <class T>
json write_fields(const T& value) {
  json object = json::object();
  std::apply([&](const auto&... field) { ((object[std::string{field.name}] = write(value.*field.member)), ...); },
             fields<T>());
  return object;
}

template <class E>
json write_enum(E value) {
  for (const auto& known : enumerators(value)) {
    if (known.value == value) return std::string{known.name};
  }
  return nullptr;
}

template <class T>
json write_one(const std::vector<T>& values) {
  json array = json::array();
  for (const auto& value : values) array.push_back(write(value));
  return array;
}
json write_one(const std::map<std::string, std::string>& pairs) {
  json array = json::array();
  for (const auto& [key, value] : pairs) array.push_back(json::array({write_text(key), write_text(value)}));
  return array;
}
template <class T>
json write_one(const std::optional<T>& value) {
  return value ? write(*value) : json(nullptr);
}
json write_one(const std::string& text) { return write_text(text); }
json write_one(const Blob& blob) { return base64_encode(blob.bytes); }
json write_one(Lsn lsn) { return to_string(lsn); }
json write_one(Guid guid) { return to_string(guid); }
json write_one(SystemId id) { return to_string(id); }
json write_one(TimelineId timeline) { return timeline.value; }
json write_one(double number) { return std::isfinite(number) ? json(number) : json(nullptr); }

template <class T>
json write(const T& value) {
  if constexpr (Listed<T>) {
    return write_fields(value);
  } else if constexpr (std::is_enum_v<T>) {
    return write_enum(value);
  } else if constexpr (std::integral<T>) {
    return value;
  } else {
    return write_one(value);
  }
}

// What is not UTF-8 was turned into base64 above; `replace` makes sure that dump() cannot throw all the same.
std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

// ---- reading; null and absent leave the default

template <class T>
Result<> read(const json& from, T& into);

Error misfit(std::string_view wanted, const json& from) {
  return Error{ErrorKind::failed, fmt::format("{} wanted, {} found", wanted, from.type_name()), {}, {}, {}};
}

Result<> read_one(const json& from, std::string& into) {
  if (const auto* text = from.get_ptr<const std::string*>()) {
    into = *text;
    return {};
  }
  auto wrapped = from.is_object() ? from.find("b64") : from.end();
  if (!from.is_object() || wrapped == from.end() || !wrapped->is_string()) return fail(misfit("text", from));
  into = TRY(base64_decode(wrapped->get_ref<const std::string&>()));
  return {};
}

Result<> read_one(const json& from, Blob& into) {
  if (!from.is_string()) return fail(misfit("base64", from));
  into.bytes = TRY(base64_decode(from.get_ref<const std::string&>()));
  return {};
}

template <class Id, class Parse>
Result<> read_id(const json& from, Id& into, Parse parse) {
  if (!from.is_string()) return fail(misfit("an identifier as text", from));
  into.value = TRY(parse(from.get_ref<const std::string&>()));
  return {};
}
Result<> read_one(const json& from, Guid& into) { return read_id(from, into, parse_u64); }
Result<> read_one(const json& from, SystemId& into) { return read_id(from, into, parse_u64); }
Result<> read_one(const json& from, Lsn& into) {
  if (!from.is_string()) return fail(misfit("a log position as text", from));
  into = TRY(parse_lsn(from.get_ref<const std::string&>()));
  return {};
}

template <std::integral T>
Result<> read_number(const json& from, T& into) {
  if (const auto* positive = from.get_ptr<const json::number_unsigned_t*>()) {
    if (!std::in_range<T>(*positive)) return fail(ErrorKind::failed, fmt::format("{} is out of range", *positive));
    into = static_cast<T>(*positive);
    return {};
  }
  if (const auto* any = from.get_ptr<const json::number_integer_t*>()) {
    if (!std::in_range<T>(*any)) return fail(ErrorKind::failed, fmt::format("{} is out of range", *any));
    into = static_cast<T>(*any);
    return {};
  }
  return fail(misfit("a whole number", from));
}
Result<> read_one(const json& from, TimelineId& into) { return read_number(from, into.value); }
Result<> read_one(const json& from, bool& into) {
  if (!from.is_boolean()) return fail(misfit("true or false", from));
  into = from.get<bool>();
  return {};
}
Result<> read_one(const json& from, double& into) {
  if (!from.is_number()) return fail(misfit("a number", from));
  into = from.get<double>();
  return {};
}

template <class T>
Result<> read_one(const json& from, std::vector<T>& into) {
  if (!from.is_array()) return fail(misfit("a list", from));
  into.clear();
  for (const auto& element : from) {
    T value{};
    TRY(read(element, value));
    into.push_back(std::move(value));
  }
  return {};
}
Result<> read_one(const json& from, std::map<std::string, std::string>& into) {
  if (!from.is_array()) return fail(misfit("a list of pairs", from));
  into.clear();
  for (const auto& pair : from) {
    if (!pair.is_array() || pair.size() != 2) return fail(misfit("a pair", pair));
    std::string key;
    TRY(read(pair[0], key));
    TRY(read(pair[1], into[key]));
  }
  return {};
}
template <class T>
Result<> read_one(const json& from, std::optional<T>& into) {
  T value{};
  TRY(read(from, value));
  into = std::move(value);
  return {};
}

template <class E>
Result<> read_enum(const json& from, E& into) {
  if (!from.is_string()) return fail(misfit("a name", from));
  const auto& name = from.get_ref<const std::string&>();
  for (const auto& known : enumerators(into)) {
    if (known.name != name) continue;
    into = known.value;
    return {};
  }
  return fail(ErrorKind::failed, fmt::format("\"{}\" is not known", printable(name)));
}

template <class T>
Result<> read_fields(const json& from, T& into) {
  if (!from.is_object()) return fail(misfit("an object", from));
  Result<> result;
  auto one = [&](const auto& field) {
    auto found = from.find(field.name);
    if (!result || found == from.end()) return;
    result = read(*found, into.*field.member);
    if (!result) result = fail(std::move(result).error().at(field.name));
  };
  std::apply([&](const auto&... field) { (one(field), ...); }, fields<T>());
  return result;
}

template <class T>
Result<> read(const json& from, T& into) {
  if (from.is_null()) return {};
  if constexpr (Listed<T>) {
    return read_fields(from, into);
  } else if constexpr (std::is_enum_v<T>) {
    return read_enum(from, into);
  } else if constexpr (std::integral<T> && !std::same_as<T, bool>) {
    return read_number(from, into);
  } else {
    return read_one(from, into);
  }
}

// ---- envelope: {"name": …, "body": …}

Error unreadable(std::string_view subject, Error cause) {
  return Error{ErrorKind::failed, fmt::format("{} cannot be read: {}", subject, cause.what), cause.where, {}, {}};
}

// A bracket is one byte of a peer's and a hundred of ours; what we write is nowhere near this deep.
bool is_too_deep(std::string_view bytes) {
  constexpr std::size_t deepest = 64;
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '[' || c == '{')) {
      if (++depth > deepest) return true;
    } else if (!quoted && (c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

Result<json> parse_envelope(std::string_view bytes) {
  if (is_too_deep(bytes)) return fail(ErrorKind::failed, "its brackets are nested too deep");
  auto value = json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return fail(ErrorKind::failed, "it is not JSON");
  if (!value.is_object()) return fail(ErrorKind::failed, "it is not a JSON object");
  return value;
}

std::string name_in(const json& envelope) {
  auto found = envelope.find("name");
  return found != envelope.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

const json& body_in(const json& envelope) {
  static const json nothing;
  auto found = envelope.find("body");
  return found == envelope.end() ? nothing : *found;
}

struct RequestNames {
  template <class T>
  static constexpr std::string_view of() {
    return Fields<T>::name;
  }
};
struct AnswerNames {
  template <class T>
  static constexpr std::string_view of() {
    return answer_name<T>();
  }
};

// The alternative of that name; nothing when there is none.
template <class Names, class Variant, std::size_t I = 0>
Result<std::optional<Variant>> read_named(const json& envelope, const std::string& name) {
  if constexpr (I == std::variant_size_v<Variant>) {
    return std::optional<Variant>{};
  } else {
    using T = std::variant_alternative_t<I, Variant>;
    if (Names::template of<T>() != name) return read_named<Names, Variant, I + 1>(envelope, name);
    T value{};
    TRY(read(body_in(envelope), value));
    return std::optional<Variant>{std::move(value)};
  }
}

template <class Names, class Variant>
json write_named(const Variant& variant) {
  return std::visit(
      [](const auto& value) {
        using T = std::remove_cvref_t<decltype(value)>;
        return json{{"name", std::string{Names::template of<T>()}}, {"body", write(value)}};
      },
      variant);
}

template <class Variant>
Result<Variant> decode_question(std::string_view bytes) {
  auto envelope = parse_envelope(bytes);
  if (!envelope) return fail(unreadable("the request", envelope.error()));
  auto name = name_in(*envelope);
  auto value = read_named<RequestNames, Variant>(*envelope, name);
  if (!value) return fail(unreadable(fmt::format("the request {}", name), value.error()));
  if (!*value) {
    return fail(ErrorKind::conflict,
                fmt::format("this node's dugong {} does not know \"{}\"", wire::own_version(), printable(name)),
                "`dugong node upgrade` this node, or run the verb with the version that it has");
  }
  return std::move(**value);
}

}  // namespace

std::string encode_request(const Request& request) { return dump(write_named<RequestNames>(request)); }
std::string encode_stream(const StreamRequest& request) { return dump(write_named<RequestNames>(request)); }
std::string encode_answer(const Answer& answer) { return dump(write_named<AnswerNames>(answer)); }

std::string_view name_of(const Request& request) {
  return std::visit([](const auto& value) { return Fields<std::remove_cvref_t<decltype(value)>>::name; }, request);
}
std::string_view name_of(const StreamRequest& request) {
  return std::visit([](const auto& value) { return Fields<std::remove_cvref_t<decltype(value)>>::name; }, request);
}

Result<Request> decode_request(std::string_view bytes) { return decode_question<Request>(bytes); }
Result<StreamRequest> decode_stream(std::string_view bytes) { return decode_question<StreamRequest>(bytes); }

Result<Answer> decode_answer(std::string_view bytes) {
  auto envelope = parse_envelope(bytes);
  if (!envelope) return fail(unreadable("the answer", envelope.error()));
  auto name = name_in(*envelope);
  auto value = read_named<AnswerNames, Answer>(*envelope, name);
  if (!value) return fail(unreadable(fmt::format("the answer {}", name), value.error()));
  if (!*value) {
    return fail(ErrorKind::conflict,
                fmt::format("this dugong {} does not know the answer \"{}\"", wire::own_version(), printable(name)),
                "use the same version of dugong here and on the node");
  }
  return std::move(**value);
}

}  // namespace dugong::node
