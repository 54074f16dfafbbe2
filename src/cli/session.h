// What every command that talks to nodes holds while it runs: the spec, the fleet, the engine's context, the progress.
#pragma once

#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/progress.h"
#include "cli/text_style.h"
#include "cli/world.h"
#include "engine/engine.h"

namespace dugong::cli {

class Session {
 public:
  // `verb`: shown to whoever finds our locks. Errors: invalid (the cluster file), and what open_fleet says.
  static Result<std::unique_ptr<Session>> open(const Arguments& arguments, World& world, std::string_view verb);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] const spec::Spec& spec() const { return spec_; }
  engine::Context& context() { return *context_; }
  // The same nodes, but a stop that was asked for does not count: for what must be tidied up.
  engine::Context tidying_context();
  Progress& progress() { return progress_; }
  [[nodiscard]] const Style& style() const { return style_; }  // of standard output

 private:
  Session(const Arguments& arguments, World& world, spec::Spec spec);
  engine::Context make_context(std::stop_token stop);

  World& world_;
  spec::Spec spec_;
  Style style_;
  Progress progress_;
  std::string holder_;
  std::unique_ptr<node::Fleet> fleet_;
  std::unique_ptr<engine::Context> context_;
};

// Shown to whoever finds a lock taken: "dugong up, root@host, pid 12, since 2026-11-23 21:15:30 UTC".
std::string lock_holder(std::string_view verb, const World& world);
Style output_style(const World& world);
Style message_style(const World& world);

}  // namespace dugong::cli
