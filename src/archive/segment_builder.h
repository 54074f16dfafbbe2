// A WAL segment as PostgreSQL would leave it, for tests: a long page header, then filling.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

namespace dugong::archive {

struct SegmentBuilder {
  std::uint16_t magic = 0xD113;  // PostgreSQL 16
  std::uint32_t timeline = 1;
  std::uint64_t address = 0x3000000;
  std::uint64_t system = 7000000000000000001;
  std::uint32_t size = 1 << 20;
  char filling = 'w';

  // Layout: XLogLongPageHeaderData in xlog_internal.h.
  [[nodiscard]] std::string bytes() const {
    std::string out(size, filling);
    put(out, 0, magic);
    put(out, 2, std::uint16_t{0x0002});  // XLP_LONG_HEADER
    put(out, 4, timeline);
    put(out, 8, address);
    put(out, 16, std::uint64_t{0});
    put(out, 24, system);
    put(out, 32, size);
    put(out, 36, std::uint32_t{8192});
    return out;
  }

 private:
  template <class T>
  static void put(std::string& out, std::size_t at, T value) {
    std::memcpy(out.data() + at, &value, sizeof value);
  }
};

}  // namespace dugong::archive
