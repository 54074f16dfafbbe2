// Small text helpers that several rooms need: split, trim, quote for a shell, base64, hex, UTF-8 repair.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dugong {

std::vector<std::string_view> split(std::string_view text, char separator);  // keeps empty fields
std::vector<std::string_view> lines(std::string_view text);                  // without '\n'; no last empty line
std::string_view trim(std::string_view text);                                // ASCII white space at both ends
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string replace_all(std::string text, std::string_view from, std::string_view to);

// 'it'\''s': one word of a POSIX shell, whatever is in it (NUL excepted).
std::string shell_quote(std::string_view word);

std::string base64_encode(std::string_view bytes);
Result<std::string> base64_decode(std::string_view text);  // Errors: failed

bool is_utf8(std::string_view bytes);
// Invalid sequences become U+FFFD, control characters except \n and \t become '?': safe for JSON and for a terminal.
std::string printable(std::string_view bytes);
// At most `limit` bytes, cut between characters: the beginning and the end of a longer text with "… N bytes left out …"
// between them.
std::string shorten(std::string_view text, std::size_t limit);

// The closest of `known` within an edit distance of 2 (or a third of the word); empty if none is near: "did you mean".
std::string nearest(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace dugong
