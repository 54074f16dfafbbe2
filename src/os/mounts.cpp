#include "os/mounts.h"

#include <algorithm>
#include <sys/sysmacros.h>

#include "base/ids.h"
#include "base/text.h"
#include "os/files.h"

namespace dugong::os {
namespace {

bool is_octal(char c) { return c >= '0' && c <= '7'; }

// The kernel writes blank, tab, newline and backslash as \ooo (fs/proc_namespace.c, mangle).
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

}  // namespace

std::vector<MountEntry> parse_mountinfo(std::string_view text) {
  std::vector<MountEntry> mounts;
  for (const auto line : lines(text)) {
    const auto fields = split(line, ' ');  // id parent major:minor root point options … - type source options
    if (fields.size() < 6) continue;
    const auto numbers = split(fields[2], ':');
    if (numbers.size() != 2) continue;
    const auto major_number = parse_u64(numbers[0]);
    const auto minor_number = parse_u64(numbers[1]);
    if (!major_number || !minor_number) continue;
    const auto device = makedev(static_cast<unsigned>(*major_number), static_cast<unsigned>(*minor_number));
    const auto dash = std::find(fields.begin() + 6, fields.end(), "-");
    const bool has_source = fields.end() - dash > 2;
    mounts.push_back({device, unescape(fields[4]), has_source ? unescape(*(dash + 2)) : std::string{}});
  }
  return mounts;
}

std::vector<std::string> mounts_at_or_below(const std::vector<MountEntry>& mounts, std::string_view directory) {
  std::vector<std::string> found;
  const std::string below = directory == "/" ? "/" : std::string{directory} + "/";
  for (const auto& mount : mounts) {
    if (mount.point == directory || mount.point.starts_with(below)) found.push_back(mount.point);
  }
  return found;
}

Result<std::vector<MountEntry>> read_mounts(const std::string& process) {
  const Content content = TRY(read_file("/proc/" + process + "/mountinfo", Bytes{64} << 20));
  return parse_mountinfo(content.bytes);
}

}  // namespace dugong::os
