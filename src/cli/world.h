// Everything outside that a command may touch, as values and functions: main wires the real ones, tests their own.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/engine.h"
#include "node/certificates.h"
#include "node/host_shell.h"
#include "node/node.h"
#include "spec/spec.h"

namespace dugong::cli {

struct World {
  std::ostream& out;  // data
  std::ostream& err;  // messages, progress, questions
  engine::Clock& clock;
  std::stop_token stop;  // SIGINT, SIGTERM
  std::string identity;  // "root@host, pid 12"
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  std::size_t err_width = 80;
  std::function<std::optional<std::string>(std::string_view)> environment;
  std::function<std::optional<std::string>()> read_line;  // from standard input; none: its end
  std::function<bool(const std::string&)> file_exists;
  std::function<Result<std::string>(const std::string&)> read_file;
  enum class Written { created, existed };
  std::function<Result<Written>(const std::string& path, std::string_view text)> write_new_file;
  // Of the nodes of the spec; nothing of it is kept.
  std::function<Result<std::unique_ptr<node::Fleet>>(const spec::Spec&)> open_fleet;
  // This machine as a node, under its policy.
  std::function<Result<std::unique_ptr<node::Node>>()> open_machine;
  std::function<Result<>(const std::string& name, const std::string& text)> leave_metrics;  // of a node's boot
  std::function<Result<std::unique_ptr<node::HostShell>>(const node::HostTarget&)> open_host;
  std::function<Result<node::OwnPrograms>()> own_programs;
  std::function<Result<std::optional<node::Authority>>(const std::string& path)> read_authority;
  std::function<Result<>(const std::string& path, const node::Authority&)> write_authority;
  std::function<Result<>(std::stop_token)> serve;  // the node's side, on this process's standard streams
};

}  // namespace dugong::cli
