// One table of the cluster file being read: known keys only, each with its type, ${VARIABLES} filled in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "spec/document.h"
#include "spec/names.h"
#include "spec/spec.h"

namespace dugong::spec {

// What every reader needs: the file's name for errors, and the world outside the file.
struct Context {
  const std::string& file;
  const Surroundings& surroundings;

  [[nodiscard]] tl::unexpected<Error> refuse(Position at, std::string what, std::string next = {}) const {
    return fail(refusal(file, at, std::move(what), std::move(next)));
  }
  // A string's content with ${NAME} replaced from the environment, once: what a variable holds is not looked at again.
  // "$${" yields "${". `path` names the value in errors; the content itself is not shown. No NUL comes out.
  [[nodiscard]] Result<std::string> expand(const Value& value, std::string_view path) const;
  // A plain string, { env = "NAME" } or { file = "/path" }; the content of the last two is taken as it is.
  [[nodiscard]] Result<Secret> secret(const Value& value, std::string_view path) const;
};

class Fields {
 public:
  // `name` is the table's name in errors ("postgres", "node"). Errors: not a table, a key that is not in `known`.
  static Result<Fields> open(const Context& context, const Value& value, std::string_view name,
                             const std::vector<std::string_view>& known);

  [[nodiscard]] const Entry* find(std::string_view key) const { return table_->find(key); }
  [[nodiscard]] Position position() const { return table_->at; }
  [[nodiscard]] Position position(std::string_view key) const;  // of its value; of the table when it is absent
  [[nodiscard]] std::string path(std::string_view key) const;   // "postgres.image"

  // An absent key leaves `into` as it is.
  Result<> text(std::string_view key, Check check, std::string& into) const;
  Result<> directory(std::string_view key, std::string& into, Check check = check_path) const;
  Result<> port(std::string_view key, std::uint16_t& into) const;
  Result<> bytes(std::string_view key, Bytes& into) const;
  Result<> duration(std::string_view key, Millis& into) const;
  Result<> budget(std::string_view key, BaseBudget& into) const;  // a size, or "20%"
  Result<> texts(std::string_view key, Check check, std::vector<std::string>& into) const;

  Result<> require(std::string_view key, std::string_view next) const;
  Result<Secret> required_secret(std::string_view key) const;
  // Refuses a key that would be ignored.
  Result<> forbid(std::string_view key, std::string_view why, std::string_view next) const;

  [[nodiscard]] tl::unexpected<Error> refuse(Position at, std::string what, std::string next = {}) const {
    return context_->refuse(at, std::move(what), std::move(next));
  }
  [[nodiscard]] tl::unexpected<Error> wrong_type(std::string_view key, const Value& value,
                                                 std::string_view wanted) const;

 private:
  Fields(const Context& context, const Value& table, std::string_view name)
      : context_{&context}, table_{&table}, name_{name} {}
  Result<std::string> checked(const Value& value, std::string_view key, Check check) const;

  const Context* context_ = nullptr;
  const Value* table_ = nullptr;
  std::string name_;  // empty: the file itself
};

}  // namespace dugong::spec
