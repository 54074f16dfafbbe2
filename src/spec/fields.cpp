// Typed access to one table: every way in which a value can be wrong ends in an error with its line and column.
#include "spec/fields.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/ids.h"
#include "base/text.h"

namespace dugong::spec {
namespace {

// Not set and no environment at all are the same to the reader.
std::optional<std::string> look_up(const Surroundings& surroundings, std::string_view name) {
  return surroundings.environment ? surroundings.environment(name) : std::nullopt;
}

std::string shown(std::string_view text) { return shorten(printable(text), 80); }

std::string cut_newline(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

Result<std::string> Context::expand(const Value& value, std::string_view path) const {
  std::string out;
  std::string_view rest = value.text;
  while (!rest.empty()) {
    auto dollar = std::min(rest.find("${"), rest.size());
    bool escaped = dollar > 0 && dollar < rest.size() && rest[dollar - 1] == '$';
    out += rest.substr(0, escaped ? dollar - 1 : dollar);
    rest.remove_prefix(dollar);
    if (rest.empty()) break;
    if (escaped) {
      out += "${";
      rest.remove_prefix(2);
      continue;
    }
    auto end = rest.find('}');
    auto name = rest.substr(2, end == std::string_view::npos ? 0 : end - 2);
    if (!is_variable_name(name)) {
      return refuse(value.at, fmt::format("{}: after ${{ comes no variable's name and }}", path),
                    "write ${NAME}; for a literal ${ write $${");
    }
    auto content = look_up(surroundings, name);
    if (!content) {
      return refuse(value.at, fmt::format("{}: the environment variable {} is not set", path, name),
                    fmt::format("export {}=…", name));
    }
    if (!is_utf8(*content))
      return refuse(value.at, fmt::format("{}: the environment variable {} is not UTF-8", path, name));
    out += *content;
    rest.remove_prefix(end + 1);
  }
  if (out.find('\0') != std::string::npos) return refuse(value.at, fmt::format("{}: there is a NUL byte in it", path));
  return out;
}

namespace {

Result<std::string> from_environment(const Context& context, const Value& value, std::string_view path) {
  auto name = TRY(context.expand(value, path));
  auto content = look_up(context.surroundings, name);
  if (!content) {
    return context.refuse(value.at, fmt::format("{}: the environment variable {} is not set", path, shown(name)),
                          "export it, or write { file = \"/path\" }");
  }
  return *std::move(content);
}

Result<std::string> from_file(const Context& context, const Value& value, std::string_view path) {
  auto name = TRY(context.expand(value, path));
  if (auto complaint = check_path(name)) {
    return context.refuse(value.at, fmt::format("{} \"{}\": {}", path, shown(name), complaint->what), complaint->next);
  }
  if (!context.surroundings.read_file)
    return context.refuse(value.at, fmt::format("{}: no file can be read here", path));
  auto content = context.surroundings.read_file(name);
  if (!content) {
    return context.refuse(value.at, fmt::format("{}: {} cannot be read: {}", path, shown(name), content.error().what),
                          content.error().next.empty() ? "create it, or correct the path" : content.error().next);
  }
  return cut_newline(*std::move(content));
}

Result<std::string> secret_text(const Context& context, const Value& value, std::string_view path) {
  constexpr auto forms = "write { env = \"NAME\" } or { file = \"/path\" }";
  if (value.type == ValueType::text) return context.expand(value, path);
  if (value.type != ValueType::table) {
    return context.refuse(value.at, fmt::format("{} must be a string, not {}", path, describe(value.type)), forms);
  }
  if (value.entries.size() != 1) return context.refuse(value.at, fmt::format("{} must name one source", path), forms);
  const auto& source = value.entries.front();
  auto inner = fmt::format("{}.{}", path, source.key);
  bool known = source.key == "env" || source.key == "file";
  if (!known) return context.refuse(source.at, fmt::format("{} has no key \"{}\"", path, shown(source.key)), forms);
  if (source.value.type != ValueType::text) {
    return context.refuse(source.value.at,
                          fmt::format("{} must be a string, not {}", inner, describe(source.value.type)), forms);
  }
  return source.key == "env" ? from_environment(context, source.value, inner) : from_file(context, source.value, inner);
}

}  // namespace

Result<Secret> Context::secret(const Value& value, std::string_view path) const {
  auto text = TRY(secret_text(*this, value, path));
  if (auto complaint = check_password(text)) {
    return refuse(value.at, fmt::format("{} is not usable as a password: {}", path, complaint->what), complaint->next);
  }
  return Secret{std::move(text)};
}

Result<Fields> Fields::open(const Context& context, const Value& value, std::string_view name,
                            const std::vector<std::string_view>& known) {
  Fields fields{context, value, name};
  if (value.type != ValueType::table) {
    return context.refuse(value.at, fmt::format("{} must be a table, not {}", name, describe(value.type)),
                          fmt::format("write [{}] and its keys on the lines below", name));
  }
  for (const auto& entry : value.entries) {
    if (std::ranges::find(known, entry.key) != known.end()) continue;
    auto near = nearest(entry.key, known);
    auto owner = name.empty() ? std::string{"the cluster file"} : fmt::format("[{}]", name);
    return context.refuse(entry.at, fmt::format("{} has no key \"{}\"", owner, shown(entry.key)),
                          near.empty() ? fmt::format("known are: {}", join({known.begin(), known.end()}, ", "))
                                       : fmt::format("did you mean {}?", near));
  }
  return fields;
}

Position Fields::position(std::string_view key) const {
  const auto* entry = find(key);
  return entry == nullptr ? table_->at : entry->value.at;
}

std::string Fields::path(std::string_view key) const {
  return name_.empty() ? std::string{key} : fmt::format("{}.{}", name_, key);
}

tl::unexpected<Error> Fields::wrong_type(std::string_view key, const Value& value, std::string_view wanted) const {
  return refuse(value.at, fmt::format("{} must be {}, not {}", path(key), wanted, describe(value.type)));
}

Result<std::string> Fields::checked(const Value& value, std::string_view key, Check check) const {
  if (value.type != ValueType::text) return wrong_type(key, value, describe(ValueType::text));
  auto text = TRY(context_->expand(value, path(key)));
  if (auto complaint = check(text)) {
    return refuse(value.at, fmt::format("{} \"{}\": {}", path(key), shown(text), complaint->what), complaint->next);
  }
  return text;
}

Result<> Fields::text(std::string_view key, Check check, std::string& into) const {
  if (const auto* entry = find(key)) into = TRY(checked(entry->value, key, check));
  return {};
}

Result<> Fields::directory(std::string_view key, std::string& into, Check check) const {
  if (const auto* entry = find(key)) into = normal_path(TRY(checked(entry->value, key, check)));
  return {};
}

Result<> Fields::port(std::string_view key, std::uint16_t& into) const {
  const auto* entry = find(key);
  if (entry == nullptr) return {};
  const auto& value = entry->value;
  if (value.type != ValueType::whole && value.type != ValueType::text) return wrong_type(key, value, "a whole number");
  auto text = value.type == ValueType::whole ? value.text : TRY(context_->expand(value, path(key)));
  auto number = parse_u64(text);
  if (!number || *number < 1 || *number > 65535) {
    return refuse(value.at, fmt::format("{} {} is not a port", path(key), shown(text)),
                  "write a number from 1 to 65535");
  }
  into = static_cast<std::uint16_t>(*number);
  return {};
}

Result<> Fields::duration(std::string_view key, Millis& into) const {
  const auto* entry = find(key);
  if (entry == nullptr) return {};
  const auto& value = entry->value;
  if (value.type != ValueType::text) return wrong_type(key, value, "a time such as \"10ms\"");
  auto time = parse_duration(TRY(context_->expand(value, path(key))));
  if (!time) return refuse(value.at, fmt::format("{}: {}", path(key), printable(time.error().what)), time.error().next);
  into = *time;
  return {};
}

Result<> Fields::bytes(std::string_view key, Bytes& into) const {
  const auto* entry = find(key);
  if (entry == nullptr) return {};
  const auto& value = entry->value;
  if (value.type != ValueType::whole && value.type != ValueType::text)
    return wrong_type(key, value, "a size such as \"64G\"");
  auto text = value.type == ValueType::whole ? value.text : TRY(context_->expand(value, path(key)));
  auto size = parse_bytes(text);
  if (!size) return refuse(value.at, fmt::format("{}: {}", path(key), printable(size.error().what)), size.error().next);
  into = *size;
  return {};
}

Result<> Fields::budget(std::string_view key, BaseBudget& into) const {
  const auto* entry = find(key);
  if (entry == nullptr) return {};
  const auto& value = entry->value;
  constexpr std::string_view next = "write a size such as \"500G\", or a share of the pool from \"1%\" to \"100%\"";
  if (value.type != ValueType::whole && value.type != ValueType::text)
    return wrong_type(key, value, "a size such as \"500G\" or a share such as \"20%\"");
  const auto text = value.type == ValueType::whole ? value.text : TRY(context_->expand(value, path(key)));
  const auto bad = [&](std::string why) {
    return refuse(value.at, fmt::format("{}: {}", path(key), why), std::string{next});
  };
  if (text.ends_with('%')) {
    const auto percent = parse_u64(trim(std::string_view{text}.substr(0, text.size() - 1)));
    if (!percent || *percent < 1 || *percent > 100) return bad(fmt::format("“{}” is no share of a pool", shown(text)));
    into = {.bytes = 0, .percent = static_cast<unsigned>(*percent)};
    return {};
  }
  const auto size = parse_bytes(text);
  if (!size) return bad(printable(size.error().what));
  if (*size == 0) return bad("bases that may pin nothing would be of no use");
  into = {.bytes = *size, .percent = 0};
  return {};
}

Result<> Fields::texts(std::string_view key, Check check, std::vector<std::string>& into) const {
  const auto* entry = find(key);
  if (entry == nullptr) return {};
  if (entry->value.type != ValueType::array) return wrong_type(key, entry->value, "an array of strings");
  std::vector<std::string> all;
  for (const auto& item : entry->value.items) {
    auto text = TRY(checked(item, key, check));
    if (std::ranges::find(all, text) != all.end()) {
      return refuse(item.at, fmt::format("{} names \"{}\" twice", path(key), text), "leave one of them out");
    }
    all.push_back(std::move(text));
  }
  into = std::move(all);
  return {};
}

Result<> Fields::require(std::string_view key, std::string_view next) const {
  if (find(key) != nullptr) return {};
  return refuse(table_->at, fmt::format("{} is missing", path(key)), std::string{next});
}

Result<Secret> Fields::required_secret(std::string_view key) const {
  TRY(require(key, fmt::format("write {} = {{ env = \"NAME\" }} or {{ file = \"/path\" }}", key)));
  return context_->secret(find(key)->value, path(key));
}

Result<> Fields::forbid(std::string_view key, std::string_view why, std::string_view next) const {
  const auto* entry = find(key);
  if (entry == nullptr) return {};
  return refuse(entry->at, fmt::format("{} {}", path(key), why), std::string{next});
}

}  // namespace dugong::spec
