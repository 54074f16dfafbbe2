#include "os/tail.h"

#include <algorithm>

namespace dugong::os {

void HeadAndTail::add(std::string_view bytes) {
  seen_ += bytes.size();
  const std::size_t to_head = std::min(bytes.size(), head_limit_ - head_.size());
  head_.append(bytes.substr(0, to_head));
  bytes.remove_prefix(to_head);
  tail_.append(bytes);
  if (tail_.size() > 2 * tail_limit_) tail_.erase(0, tail_.size() - tail_limit_);
}

std::size_t HeadAndTail::left_out() const {
  const std::size_t kept = head_.size() + std::min(tail_.size(), tail_limit_);
  return seen_ - kept;
}

std::string HeadAndTail::text() const {
  if (!truncated()) return head_ + tail_;
  const std::size_t tail = std::min(tail_.size(), tail_limit_);
  return head_ + "\n… " + std::to_string(left_out()) + " bytes left out …\n" + tail_.substr(tail_.size() - tail);
}

}  // namespace dugong::os
