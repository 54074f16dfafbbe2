// Names and texts inside SQL statements and libpq's files.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dugong::postgres {

std::string quote_identifier(std::string_view name);  // "a""b"
std::string quote_literal(std::string_view text);     // E'…' where a backslash is in it (quote_literal in quote.c)

// Slot names: [a-z0-9_]{1,63} (slot.c: ReplicationSlotValidateName). Node "db-2" → "dugong_db_2".
std::string slot_name(std::string_view node);

// Value of one keyword in a conninfo string: quoted, \ and ' escaped (fe-connect.c: conninfo_parse).
std::string conninfo_value(std::string_view value);

// One line of a passfile; ':' and '\' escaped (fe-connect.c: passwordFromFile). Errors: invalid for newline or NUL.
Result<std::string> passfile_line(std::string_view host, std::string_view port, std::string_view database,
                                  std::string_view user, std::string_view password);

// The password of the first line for exactly these, in a file of such lines; none: there is no such line.
std::optional<std::string> password_in_passfile(std::string_view text, std::string_view host, std::string_view port,
                                                std::string_view database, std::string_view user);

// First message of a replication login, and what its first answer means: "R" authentication wanted (the address is let
// in), or an error's SQLSTATE (28000: no pg_hba.conf entry). Protocol 3.0, "Message Formats" in the manual.
std::string startup_message(std::string_view user, std::string_view database, bool replication);
struct LoginAnswer {
  bool asked_for_password = false;
  std::string sqlstate;
  std::string message;
};
Result<LoginAnswer> parse_login_answer(std::string_view bytes);

}  // namespace dugong::postgres
