// The machine itself: what it is, who may log in from it, and who is working on it.
#include <algorithm>

#include "node/local_doors.h"
#include "node/register.h"
#include "os/clock.h"
#include "os/host.h"
#include "os/net.h"
#include "wire/protocol.h"

namespace dugong::node {

Result<std::string> HostDoor::wal_client_digest(const Call& call) {
  const std::lock_guard guard{mutex_};
  if (wal_client_digest_.empty()) {
    const auto source = TRY(wal_client_source(wal_client_));
    wal_client_digest_ = TRY(digest_of(source, call)).sha256;
  }
  return wal_client_digest_;
}

Result<HostFacts> HostDoor::answer(const InspectHost& question, const Call& call) {
  HostFacts facts;
  if (question.whole) {
    facts.wal_client = TRY(wal_client_digest(call));
    facts.listening = TRY(os::listening_ports());
  }
  facts.hostname = os::hostname();
  facts.boot_id = os::boot_id();
  facts.version = wire::own_version();
  facts.addresses = os::own_addresses();
  facts.memory = os::memory();
  const auto huge = os::huge_pages();
  facts.huge_page = huge.size;
  facts.huge_pages = huge.total;
  facts.huge_pages_free = huge.available;
  facts.registered = TRY(read_register());
  facts.wall_ns = os::wall_ns();
  return facts;
}

Result<postgres::LoginAnswer> HostDoor::answer(const ProbeLogin& question, const Call& call) {
  constexpr std::size_t largest_answer = 8192;
  const auto complete = +[](std::string_view bytes) { return postgres::parse_login_answer(bytes).has_value(); };
  const auto hello = postgres::startup_message(question.user, "", /*replication=*/true);
  auto deadline = call.deadline;
  if (question.patience != 0) deadline.at = std::min(deadline.at, os::now() + Millis{question.patience});
  const auto bytes = TRY(os::exchange({question.from_address, question.to_address, question.port}, hello,
                                      largest_answer, complete, deadline, call.stop));
  return postgres::parse_login_answer(bytes);
}

Result<Done> HostDoor::answer(const RegisterNode& question, const Call&) {
  return register_node(question.name, question.directory);
}
Result<Done> HostDoor::answer(const ForgetNode& question, const Call&) { return forget_node(question.name); }

Result<AcquireLock::Answer> HostDoor::answer(const AcquireLock& question, const Call&) {
  const std::lock_guard guard{mutex_};
  if (locks_.contains(question.name)) return AcquireLock::Answer{true, {}};
  auto taken = TRY(os::try_lock(question.name, question.holder));
  if (auto* held = std::get_if<os::HeldBy>(&taken)) return AcquireLock::Answer{false, std::move(held->holder)};
  locks_.emplace(question.name, std::get<os::Lock>(std::move(taken)));
  return AcquireLock::Answer{true, {}};
}

}  // namespace dugong::node
