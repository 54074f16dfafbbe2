#include "postgres/identifiers.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/text.h"

namespace dugong::postgres {
namespace {

constexpr std::size_t max_slot_name = 63;  // NAMEDATALEN - 1
constexpr std::uint32_t protocol_3_0 = 3U << 16;

std::string escaped(std::string_view text, std::string_view special) {
  std::string out;
  for (char c : text) {
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string big_endian(std::uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xFFU);
  return out;
}

std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (char c : bytes.substr(0, 4)) value = (value << 8) | static_cast<unsigned char>(c);
  return value;
}

tl::unexpected<Error> not_postgres(std::string_view bytes) {
  return fail(ErrorKind::failed, "the answer is not PostgreSQL's: " + printable(shorten(bytes, 100)),
              "look what listens on that port");
}

// ErrorResponse: a letter and a NUL-terminated text per field, until a NUL where a letter would be.
LoginAnswer error_fields(std::string_view body) {
  LoginAnswer answer;
  while (!body.empty() && body[0] != '\0') {
    auto end = body.find('\0', 1);
    if (end == std::string_view::npos) break;
    auto text = body.substr(1, end - 1);
    if (body[0] == 'C') answer.sqlstate = printable(text);
    if (body[0] == 'M') answer.message = printable(text);
    body.remove_prefix(end + 1);
  }
  return answer;
}

}  // namespace

std::string quote_identifier(std::string_view name) {
  return "\"" + replace_all(std::string{name}, "\"", "\"\"") + "\"";
}

std::string quote_literal(std::string_view text) {
  auto quoted = "'" + replace_all(std::string{text}, "'", "''") + "'";
  if (text.find('\\') == std::string_view::npos) return quoted;
  return "E" + replace_all(std::move(quoted), "\\", "\\\\");
}

std::string slot_name(std::string_view node) {
  std::string name = "dugong_";
  for (char c : node) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    name += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_';
  }
  return name.substr(0, max_slot_name);
}

std::string conninfo_value(std::string_view value) { return "'" + escaped(value, "'\\") + "'"; }

Result<std::string> passfile_line(std::string_view host, std::string_view port, std::string_view database,
                                  std::string_view user, std::string_view password) {
  std::string line;
  std::string_view separator;
  for (auto field : std::array{host, port, database, user, password}) {
    if (field.find_first_of(std::string_view{"\n\r\0", 3}) != std::string_view::npos) {
      return fail(ErrorKind::invalid, "a line break or a NUL byte cannot stand in a password file");
    }
    line += separator;
    line += escaped(field, ":\\");
    separator = ":";
  }
  return line;
}

std::optional<std::string> password_in_passfile(std::string_view text, std::string_view host, std::string_view port,
                                                std::string_view database, std::string_view user) {
  const auto start = passfile_line(host, port, database, user, "");
  if (!start) return std::nullopt;
  for (const auto line : lines(text)) {
    if (!line.starts_with(*start)) continue;
    std::string password;
    for (std::size_t i = start->size(); i < line.size(); ++i) {
      if (line[i] == '\\' && i + 1 < line.size()) ++i;
      password += line[i];
    }
    return password;
  }
  return std::nullopt;
}

std::string startup_message(std::string_view user, std::string_view database, bool replication) {
  std::string body = big_endian(protocol_3_0);
  auto add = [&](std::string_view name, std::string_view value) {
    body.append(name).push_back('\0');
    body.append(value).push_back('\0');
  };
  add("user", user);
  add("database", database);
  add("application_name", "dugong");
  if (replication) add("replication", "true");
  body.push_back('\0');
  return big_endian(static_cast<std::uint32_t>(body.size() + 4)) + body;
}

Result<LoginAnswer> parse_login_answer(std::string_view bytes) {
  if (bytes.size() < 5) return not_postgres(bytes);
  auto length = big_endian(bytes.substr(1));
  if (length < 4 || length > 30000 || bytes.size() < length + std::size_t{1}) return not_postgres(bytes);
  auto body = bytes.substr(5, length - 4);
  if (bytes[0] == 'E') {
    auto answer = error_fields(body);
    if (answer.sqlstate.empty()) return not_postgres(bytes);
    return answer;
  }
  if (bytes[0] != 'R' || body.size() < 4) return not_postgres(bytes);
  LoginAnswer answer;
  answer.asked_for_password = big_endian(body) != 0;  // 0: AuthenticationOk
  if (!answer.asked_for_password) answer.message = "let in without a password";
  return answer;
}

}  // namespace dugong::postgres
