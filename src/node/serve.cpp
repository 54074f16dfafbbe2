#include "node/serve.h"

#include <fmt/format.h>
#include <unistd.h>
#include <utility>

#include "base/text.h"
#include "node/codec.h"
#include "node/copy.h"
#include "node/local.h"
#include "node/marked.h"
#include "node/ssh.h"
#include "os/clock.h"
#include "os/env.h"
#include "os/files.h"
#include "os/host.h"
#include "wire/server.h"
#include "wire/stream.h"

namespace dugong::node {
namespace {

constexpr Millis opening_timeout{15'000};

// zfs, docker and the server's files need root; a key of an ordinary user with sudo is as good as root's.
Result<> serve_as_root() {
  const auto own = TRY(os::own_executable());
  const auto user = os::env("USER").value_or(fmt::format("#{}", os::user_id()));
  // It comes before sudo's own words; the controller leaves it out unless sudo refuses.
  const auto rule = fmt::format("{}{} ALL=(root) NOPASSWD: {} serve\n", sudo_rule, printable(user), own);
  static_cast<void>(os::write_all(STDERR_FILENO, rule, os::deadline_in(opening_timeout), os::StopSignal{{}}));
  // Its words are read by the controller, whatever language this user has.
  return fail(os::replace_process({"env", "LC_ALL=C", "sudo", "-n", "--", own, "serve"}));
}

Result<std::string> answer(const wire::Ask& ask, Node& node, const Policy& policy, const std::stop_token& stop) {
  const auto request = TRY(decode_request(ask.body));
  TRY(judge(request, policy));
  const auto value = TRY(node.call(request, ask.deadline, stop));
  return encode_answer(value);
}

struct Ends {
  std::unique_ptr<SourceEnd> source;
  std::unique_ptr<SinkEnd> sink;
};

// The far end is made first: it is what a failure to start zfs is told through.
Result<> stream(wire::Link link, Node& node, const StreamRequest& request, const EndOptions& options) {
  Ends ends;
  if (const auto* send = std::get_if<zfs::Send>(&request)) {
    ends.sink = link_sink(std::move(link), options);
    auto source = local_source(node, *send, options);
    if (!source) {
      ends.sink->abandon(source.error());
      return fail(std::move(source).error());
    }
    ends.source = std::move(*source);
  } else {
    ends.source = link_source(std::move(link), options);
    auto sink = local_sink(node, std::get<zfs::Receive>(request), options);
    if (!sink) {
      ends.source->abandon(sink.error());
      return fail(std::move(sink).error());
    }
    ends.sink = std::move(*sink);
  }
  transfer::Pace any;
  TRY(run_copy(*ends.source, *ends.sink, {}, any, options.deadline, options.stop));
  return {};
}

Result<> judge_end(const StreamRequest& request, const Policy& policy, const std::stop_token& stop) {
  TRY(judge(request, policy));
  if (policy.prefixes) return {};
  const auto* send = std::get_if<zfs::Send>(&request);
  const auto name = send != nullptr ? zfs::dataset_of(send->snapshot) : std::get<zfs::Receive>(request).dataset;
  return require_marked(name, os::deadline_in(opening_timeout), stop);
}

Result<> serve_stream(wire::Link link, Node& node, const ServeOptions& options, const std::stop_token& stop) {
  const auto opening = TRY(wire::receive_opening(link, os::deadline_in(opening_timeout), stop));
  const EndOptions end_options{options.timing, {}, stop};
  auto request = decode_stream(opening.body);
  Result<> allowed;
  if (request) allowed = judge_end(*request, options.policy, stop);
  if (request && allowed) return stream(std::move(link), node, *request, end_options);
  auto error = request ? std::move(allowed).error() : std::move(request).error();
  link_sink(std::move(link), end_options)->abandon(error);
  return fail(std::move(error));
}

wire::Identity identity() {
  wire::Identity self;
  self.self.version = wire::own_version();
  self.self.hostname = os::hostname();
  self.peer_name = "the controller";
  return self;
}

}  // namespace

Result<> serve(wire::Channel channel, const std::shared_ptr<Node>& node, const ServeOptions& options,
               const std::stop_token& stop) {
  auto link = TRY(wire::greet(std::move(channel), identity(), options.timing, stop));
  switch (link.peer.purpose) {
    case wire::Purpose::stream:
      return serve_stream(std::move(link), *node, options, stop);
    case wire::Purpose::control:
      break;
  }
  auto handler = [node, policy = options.policy](const wire::Ask& ask, const std::stop_token& over,
                                                 const wire::ProgressSink&) {
    return answer(ask, *node, policy, over);
  };
  wire::ServerOptions server;
  server.timing = options.timing;
  return wire::serve(std::move(link), handler, stop, server);
}

Result<> serve_standard_streams(const std::stop_token& stop) {
  if (os::user_id() != 0) return serve_as_root();
  ServeOptions options;
  options.policy = TRY(load_policy());
  auto channel = TRY(wire::over_standard_streams());
  const auto node = std::make_shared<LocalNode>(LocalOptions{.policy = options.policy});
  return serve(std::move(channel), node, options, stop);
}

}  // namespace dugong::node
