// A statement's answer, read by column name: the order of columns is nobody's contract.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "postgres/queries.h"

namespace dugong::postgres {

// One row; every getter names the column that is missing or cannot be read (failed).
class Cells {
 public:
  Cells(const StatementResult& table, const Row& row) : table_{&table}, row_{&row} {}

  [[nodiscard]] Result<std::optional<std::string>> raw(std::string_view column) const;
  [[nodiscard]] Result<std::string> text(std::string_view column) const;  // null: empty
  [[nodiscard]] Result<bool> boolean(std::string_view column) const;      // null: an error
  [[nodiscard]] Result<std::optional<std::int64_t>> maybe_integer(std::string_view column) const;
  [[nodiscard]] Result<std::int64_t> integer(std::string_view column) const;  // null: an error
  [[nodiscard]] Result<std::uint32_t> u32(std::string_view column) const;     // null: 0
  [[nodiscard]] Result<std::optional<double>> maybe_real(std::string_view column) const;
  [[nodiscard]] Result<double> real(std::string_view column) const;  // null: an error
  [[nodiscard]] Result<Lsn> lsn(std::string_view column) const;      // null: 0/0, PostgreSQL's "none"
  [[nodiscard]] Result<std::vector<std::string>> array(std::string_view column) const;  // null: empty

 private:
  [[nodiscard]] tl::unexpected<Error> bad(std::string_view column, std::string_view value,
                                          std::string_view wanted) const;

  const StatementResult* table_;
  const Row* row_;
};

// The answer whose first column has this name. Error: failed or unreachable when it is missing or the statement failed.
Result<const StatementResult*> find_table(const std::vector<StatementResult>& answers, std::string_view first_column);

// "{a,\"b c\",NULL}" (array_out in arrayfuncs.c), one dimension.
Result<std::vector<std::string>> parse_array(std::string_view text);

}  // namespace dugong::postgres
