// Bounded memory for output of unbounded length: its beginning and its end.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dugong::os {

class HeadAndTail {
 public:
  explicit HeadAndTail(std::size_t limit) : head_limit_{limit - limit / 2}, tail_limit_{limit / 2} {}
  void add(std::string_view bytes);
  [[nodiscard]] bool truncated() const { return left_out() > 0; }
  // Of a truncated one: "\n… N bytes left out …\n" between the two.
  [[nodiscard]] std::string text() const;

 private:
  [[nodiscard]] std::size_t left_out() const;
  std::size_t head_limit_;
  std::size_t tail_limit_;
  std::string head_;
  std::string tail_;  // up to twice its limit, so that it is cut seldom
  std::size_t seen_ = 0;
};

}  // namespace dugong::os
