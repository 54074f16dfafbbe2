// A TOML document as a tree of our own, in the file's order and with the place of every key and value.
//
// It keeps toml++ (60,000 lines of header) in one translation unit, and its exceptions, recursion and sorted maps
// away from the code that says what a cluster file means.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "spec/spec.h"

namespace dugong::spec {

enum class ValueType { text, whole, fraction, boolean, date, array, table };
std::string_view describe(ValueType type);  // "a string", "an array", …

struct Entry;
struct Value {
  ValueType type = ValueType::table;
  Position at;
  std::string text;            // text: its content; whole: decimal digits; fraction: as written; boolean: "on" or "off"
  std::vector<Value> items;    // array
  std::vector<Entry> entries;  // table
  [[nodiscard]] const Entry* find(std::string_view key) const;
};
struct Entry {
  std::string key;
  Position at;
  Value value;
};

// The root table. Errors: invalid with where = "FILE:LINE:COLUMN" (syntax, a key given twice, no UTF-8, too big).
Result<Value> parse_document(std::string_view text, const std::string& file);

// The one form of an error in a cluster file.
Error refusal(const std::string& file, Position position, std::string what, std::string next = {});

}  // namespace dugong::spec
