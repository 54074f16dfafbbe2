// rooms: postgres
// A data directory's binary files: any bytes give a value or an error.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "postgres/control.h"
#include "postgres/identifiers.h"
#include "postgres/wal.h"

using namespace dugong::postgres;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// With its CRC put right, so that the fields behind it are reached too.
std::string sealed(std::string_view bytes, std::uint32_t version, std::size_t crc_at) {
  std::string file{bytes};
  file.resize(512);
  auto put = [&](std::size_t offset, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) file[offset + i] = static_cast<char>((value >> (8 * i)) & 0xFFU);
  };
  put(8, version);
  put(crc_at, crc32c(std::string_view{file}.substr(0, crc_at)));
  return file;
}

void control(const std::string& file) {
  auto parsed = parse_control(file);
  if (!parsed) return;
  require(to_string(parsed->state) != "unknown");
  auto judged = judge_seedable(*parsed);
  require(!judged || (parsed->state == DbState::in_production && parsed->min_recovery == dugong::Lsn{}));
}

void wal(std::string_view text, std::string_view head) {
  auto name = parse_wal_file_name(text);
  if (!name) return;
  if (name->kind == WalFileKind::segment && name->segment < 256) {
    require(wal_segment_name(name->timeline, segment_start(*name, 16U << 20), 16U << 20) == text);
  }
  (void)check_segment(*name, head, 16U << 20, {});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes{reinterpret_cast<const char*>(data), size};
  control(std::string{bytes});
  control(sealed(bytes, 1300, 288));
  control(sealed(bytes, 1800, 292));
  auto name_size = bytes.size() < 24 ? bytes.size() : std::size_t{24};
  wal(bytes.substr(0, name_size), bytes.substr(name_size));
  wal(bytes, bytes);
  (void)parse_login_answer(bytes);
  return 0;
}
