// Small words for the engine's way to a node: which deadline a question gets, which database it goes to.
#pragma once

#include <string>
#include <vector>

#include "cluster/layout.h"
#include "engine/engine.h"

namespace dugong::engine {

inline constexpr Millis quick{60'000};       // a look, a small change
inline constexpr Millis patient{1'800'000};  // a checkpoint, a destroy, a shutdown on a large machine

// Error: what the node said, with its name in front.
template <class Question>
Result<typename Question::Answer> ask(Context& context, const std::string& name, Question question, Millis timeout) {
  auto* node = TRY(context.fleet.node(name));
  auto answer = node::ask(*node, std::move(question), Deadline::after(context.clock.now(), timeout), context.stop);
  if (!answer) return fail(std::move(answer).error().at(name));
  return answer;
}

node::SqlTarget sql_target(const spec::Spec& spec, const spec::Node& node, const std::string& database);

// One named query of one statement. Error failed: the server's own words and SQLSTATE.
Result<postgres::StatementResult> query(Context& context, const std::string& name, const std::string& database,
                                        const node::SqlCall& call, Millis timeout);

// What the server shows now ("observe" in the database postgres). Errors: unreachable, it does not take connections;
// refused, it does not take our superuser or the password (SQLSTATE class 28).
Result<postgres::ServerSql> look_at_server(Context& context, const std::string& name);

}  // namespace dugong::engine
