// The certificates by which the agents of a cluster know each other: one authority per cluster, made once and kept with
// the cluster file, and one certificate per node, signed by it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace dugong::node {

// PEM; an EC key on P-256.
struct Authority {
  std::string certificate;
  Secret key;
};
struct NodeName {
  std::string cluster;  // O
  std::string node;     // CN
  std::string address;  // subjectAltName: an IP address, or a DNS name
};
// `now`: seconds since 1970. Both begin an hour earlier, for clocks that differ. An authority lasts ten years, a node's
// certificate as long as its authority.
Result<Authority> make_authority(const std::string& cluster, std::int64_t now);
// Key and certificate in one PEM text: a node never has one without the other.
Result<Secret> issue(const Authority& authority, const NodeName& name, std::int64_t now);

// Why this certificate (PEM; empty: there is none) will not do; nothing when it will: signed by the authority, for this
// node, cluster and address, and good for 30 more days.
std::optional<std::string> why_issue(std::string_view certificate, std::string_view authority, const NodeName& name,
                                     std::int64_t now);

std::string sha256_hex(std::string_view bytes);

// Key and certificate in one file, so that neither is ever without the other. Absent: there is no such file. Errors:
// refused when others may read it, or when it is something else.
Result<std::optional<Authority>> read_authority(const std::string& file);
// Mode 0600. Errors: conflict when there is one by now; it is never overwritten.
Result<> write_authority(const std::string& file, const Authority& authority);

}  // namespace dugong::node
