#include "engine/door.h"

#include <fmt/format.h>

namespace dugong::engine {

node::SqlTarget sql_target(const spec::Spec& spec, const spec::Node& node, const std::string& database) {
  const auto paths = cluster::host_paths_of(spec, node);
  return {.socket_dir = paths.run,
          .port = node.port,
          .user = spec.auth.superuser,
          .database = database,
          .password_file = cluster::superuser_file(paths)};
}

Result<postgres::StatementResult> query(Context& context, const std::string& name, const std::string& database,
                                        const node::SqlCall& call, Millis timeout) {
  const auto target = sql_target(context.spec, *context.spec.find(name), database);
  auto answer = TRY(ask(context, name, node::RunSql{target, {call}}, timeout));
  if (!answer.connected)
    return fail(Error{ErrorKind::unreachable,
                      fmt::format("PostgreSQL does not take the connection: {}", answer.message),
                      name,
                      {},
                      fmt::format("look at its log; `dugong status` shows what dugong sees")});
  for (const auto& result : answer.calls.front())
    if (!result.ok())
      return fail(Error{ErrorKind::failed,
                        fmt::format("{}: {} (SQLSTATE {})", call.query, result.message, result.sqlstate),
                        name,
                        {},
                        {}});
  return answer.calls.front().back();
}

Result<postgres::ServerSql> look_at_server(Context& context, const std::string& name) {
  const auto target = sql_target(context.spec, *context.spec.find(name), "postgres");
  auto answer = TRY(ask(context, name, node::RunSql{target, {{"observe", {}}}}, quick));
  if (!answer.connected) return fail(Error{ErrorKind::unreachable, answer.message, name, {}, {}});
  return postgres::parse_server(answer.calls.front());
}

}  // namespace dugong::engine
