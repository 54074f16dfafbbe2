// What this machine says about itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace dugong::os {

std::string hostname();
std::string boot_id();       // /proc/sys/kernel/random/boot_id; empty if unreadable
Bytes memory();              // total; 0 if unreadable
std::string libc_version();  // "glibc 2.36"
struct HugePages {
  Bytes size = 0;  // of the default ones; 0: unreadable
  std::uint64_t total = 0;
  std::uint64_t available = 0;  // neither used nor promised
};
HugePages huge_pages();
// From the text of /proc/meminfo (Linux: mm/hugetlb.c, hugetlb_report_meminfo).
HugePages parse_huge_pages(std::string_view meminfo);
std::vector<std::string> own_addresses();              // numeric, IPv4 and IPv6, loopback included, sorted
Result<std::vector<std::uint16_t>> listening_ports();  // TCP, IPv4 and IPv6, sorted, each once
// The ports in the text of /proc/net/tcp or tcp6 whose socket listens (Linux: net/ipv4/tcp_ipv4.c, get_tcp4_sock).
std::vector<std::uint16_t> parse_listening(std::string_view proc_net_tcp);
int process_id();
// This process becomes another program, found in PATH, with the default signals: one that comes now ends it. Comes back
// only with the reason why it could not.
Error replace_process(std::vector<std::string> argv);

// Ends the process at once, without waiting for threads that hang and without taking away what they use.
[[noreturn]] void leave(int code);

std::uint32_t user_id();  // effective

}  // namespace dugong::os
