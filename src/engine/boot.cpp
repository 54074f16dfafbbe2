#include "engine/boot.h"

#include <algorithm>
#include <fmt/format.h>
#include <thread>

#include "engine/door.h"

namespace dugong::engine {
namespace {

constexpr Millis to_answer{5'000};  // of a peer; one that is there answers at once
constexpr std::size_t most_rounds = 8;

using cluster::BootRefusal;

class Boot {
 public:
  Boot(BootContext& context, const cluster::BootRecord& record) : context_{context}, record_{record} {}

  BootOutcome run() {
    if (auto refusal = lock()) return *std::move(refusal);
    for (std::size_t round = 0; round < most_rounds; ++round) {
      look();
      auto outcome = std::visit(*this, cluster::judge_boot(record_, seen_));
      if (outcome) return *std::move(outcome);
    }
    return stopped("unsettled", {ErrorKind::failed, "it shows another state at every look", {}, {}, {}});
  }

  std::optional<BootOutcome> operator()(const BootRefusal& refusal) { return refusal; }
  std::optional<BootOutcome> operator()(const cluster::BootRunning&) { return Booted{"running"}; }
  std::optional<BootOutcome> operator()(const cluster::BootMount& mount) {
    context_.tell(fmt::format("mounting {}", mount.dataset));
    auto mounted = ask_here(zfs::Mount{mount.dataset}, patient);
    if (!mounted) return stopped("not-mounted", std::move(mounted).error());
    return std::nullopt;
  }
  std::optional<BootOutcome> operator()(const cluster::BootAsk&) {
    ask_peers();
    return std::nullopt;
  }
  std::optional<BootOutcome> operator()(const cluster::BootStart& start) {
    for (const auto& note : start.notes) context_.tell(note);
    context_.tell(fmt::format("starting PostgreSQL ({}, port {})", record_.server.project, record_.server.port));
    auto started = ask_here(runtime::StartServer{record_.server}, patient);
    if (!started) return stopped("not-started", std::move(started).error());
    return Booted{"started"};
  }

 private:
  template <class Question>
  Result<typename Question::Answer> ask_here(Question question, Millis timeout) {
    return node::ask(context_.node, std::move(question), Deadline::after(context_.clock.now(), timeout), context_.stop);
  }
  template <class Question>
  cluster::Sample<typename Question::Answer> sample(Question question) {
    auto answer = ask_here(std::move(question), quick);
    cluster::Sample<typename Question::Answer> taken;
    taken.taken_at = context_.clock.now();
    if (answer)
      taken.value = *std::move(answer);
    else
      taken.error = std::move(answer).error();
    return taken;
  }

  // What is not known to last may pass.
  static BootRefusal stopped(std::string code, Error why) {
    why.left = "the server does not run";
    return {BootRefusal::Lasts::for_now, std::move(code), std::move(why)};
  }

  std::optional<BootRefusal> lock() {
    auto taken = ask_here(node::AcquireLock{record_.name(), context_.holder}, quick);
    if (!taken) return stopped("busy", std::move(taken).error());
    if (taken->acquired) return std::nullopt;
    return stopped("busy", {ErrorKind::refused,
                            "another dugong is at work here: " + taken->holder,
                            {},
                            {},
                            "it is tried again; its lock goes with it"});
  }

  void look() {
    seen_.pool = sample(zfs::InspectPool{zfs::pool_of(record_.prefix)});
    look_at_storage();
    seen_.server = sample(runtime::InspectServer{record_.server});
    seen_.data = sample(node::InspectData{record_.server.data});
  }

  void look_at_storage() {
    seen_.storage = sample(zfs::ListTree{record_.prefix});
    if (!seen_.storage || record_.adopted.empty()) return;
    auto adopted = sample(zfs::ListTree{record_.adopted});
    if (!adopted) {
      seen_.storage = std::move(adopted);
      return;
    }
    for (auto& dataset : *adopted.value) seen_.storage.value->push_back(std::move(dataset));
  }

  void ask_peers() {
    std::vector<postgres::PeerFacts> answers(record_.peers.size());
    {
      std::vector<std::jthread> askers;
      for (std::size_t i = 0; i < answers.size(); ++i)
        askers.emplace_back([this, &answers, i] { answers[i] = ask(record_.peers[i]); });
    }
    auto& peers = seen_.peers.emplace();
    for (std::size_t i = 0; i < answers.size(); ++i) peers.emplace(record_.peers[i].name, std::move(answers[i]));
  }
  postgres::PeerFacts ask(const cluster::Peer& peer) {
    auto answer =
        ask_here(node::AskPeer{peer.address, peer.port, record_.replication_user, record_.passfile}, to_answer);
    return answer ? *std::move(answer) : postgres::PeerFacts{.why_not = answer.error().what};
  }

  BootContext& context_;
  const cluster::BootRecord& record_;
  cluster::BootSeen seen_;
};

}  // namespace

BootOutcome boot(BootContext& context, cluster::BootRecord record) {
  std::erase_if(record.peers, [&](const cluster::Peer& peer) { return context.without.contains(peer.name); });
  return Boot{context, record}.run();
}

}  // namespace dugong::engine
