// A password that cannot be printed by accident: no stream operator, no fmt formatter, no implicit conversion.
#pragma once

#include <string>
#include <utility>

namespace dugong {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_{std::move(value)} {}
  // The one way to the bytes. Its callers write a 0600 file, speak to libpq, or compare.
  [[nodiscard]] const std::string& reveal() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }
  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  std::string value_;
};

}  // namespace dugong
