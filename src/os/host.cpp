#include "os/host.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <gnu/libc-version.h>
#include <ifaddrs.h>
#include <memory>
#include <netdb.h>
#include <set>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <system_error>
#include <unistd.h>

#include "base/ids.h"
#include "base/text.h"
#include "os/files.h"
#include "os/signals.h"

namespace dugong::os {
namespace {

std::string numeric(const sockaddr* address) {
  if (address == nullptr || (address->sa_family != AF_INET && address->sa_family != AF_INET6)) return {};
  const socklen_t size = address->sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  std::array<char, NI_MAXHOST> text{};
  if (::getnameinfo(address, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) return {};
  return text.data();
}

// "0100007F:1538" → 0x1538
bool parse_port(std::string_view address, std::uint16_t& port) {
  const auto colon = address.rfind(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view digits = address.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port, 16);
  return error == std::errc{} && end == digits.data() + digits.size();
}

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> found;
  for (const auto word : split(line, ' ')) {
    if (!word.empty()) found.push_back(word);
  }
  return found;
}

}  // namespace

std::string hostname() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

std::string boot_id() {
  const auto content = read_file("/proc/sys/kernel/random/boot_id", 64);
  return content ? std::string{trim(content->bytes)} : std::string{};
}

Bytes memory() {
  struct sysinfo info {};
  if (::sysinfo(&info) != 0) return 0;
  return Bytes{info.totalram} * info.mem_unit;
}

// This program's own, which the host's other programs are linked with too.
std::string libc_version() { return std::string{"glibc "} + ::gnu_get_libc_version(); }

// "HugePages_Free:       12", "Hugepagesize:       2048 kB". What is reserved is free and not to be had.
HugePages parse_huge_pages(std::string_view meminfo) {
  HugePages pages;
  std::uint64_t reserved = 0;
  for (const auto line : lines(meminfo)) {
    const auto fields = words(line);
    const auto number = fields.size() < 2 ? Result<std::uint64_t>{fail(ErrorKind::failed, "")} : parse_u64(fields[1]);
    if (!number) continue;
    if (fields[0] == "HugePages_Total:") pages.total = *number;
    if (fields[0] == "HugePages_Free:") pages.available = *number;
    if (fields[0] == "HugePages_Rsvd:") reserved = *number;
    if (fields[0] == "Hugepagesize:") pages.size = *number << 10;
  }
  pages.available -= std::min(pages.available, reserved);
  return pages;
}

HugePages huge_pages() {
  const auto content = read_file("/proc/meminfo", 1 << 16);
  return content ? parse_huge_pages(content->bytes) : HugePages{};
}

std::vector<std::string> own_addresses() {
  ifaddrs* head = nullptr;
  if (::getifaddrs(&head) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> list{head, &::freeifaddrs};
  std::set<std::string> all;
  for (const ifaddrs* entry = head; entry != nullptr; entry = entry->ifa_next) {
    if (auto text = numeric(entry->ifa_addr); !text.empty()) all.insert(std::move(text));
  }
  return {all.begin(), all.end()};
}

std::vector<std::uint16_t> parse_listening(std::string_view proc_net_tcp) {
  constexpr std::string_view listen = "0A";  // TCP_LISTEN
  std::set<std::uint16_t> ports;
  for (const auto line : lines(proc_net_tcp)) {
    const auto fields = words(line);  // sl local_address rem_address st …
    std::uint16_t port = 0;
    if (fields.size() > 3 && fields[3] == listen && parse_port(fields[1], port)) ports.insert(port);
  }
  return {ports.begin(), ports.end()};
}

Result<std::vector<std::uint16_t>> listening_ports() {
  std::set<std::uint16_t> ports;
  for (const char* table : {"/proc/self/net/tcp", "/proc/self/net/tcp6"}) {
    const Content content = TRY(read_file(table, Bytes{256} << 20));
    for (const auto port : parse_listening(content.bytes)) ports.insert(port);
  }
  return std::vector<std::uint16_t>{ports.begin(), ports.end()};
}

int process_id() { return ::getpid(); }
Error replace_process(std::vector<std::string> argv) {
  std::vector<char*> words;
  for (auto& word : argv) words.push_back(word.data());
  words.push_back(nullptr);
  default_signals();
  ::execvp(words.front(), words.data());
  return Error{
      ErrorKind::failed, "cannot run " + argv.front() + ": " + std::generic_category().message(errno), {}, {}, {}};
}

void leave(int code) { ::_exit(code); }

std::uint32_t user_id() { return ::geteuid(); }

}  // namespace dugong::os
