#include "engine/door.h"

#include <fmt/format.h>

namespace dugong::engine {
namespace {

Error not_connected(const Context& context, const std::string& name, const node::RunSql::Answer& answer) {
  if (!answer.sqlstate.starts_with("28"))
    return {ErrorKind::unreachable,
            fmt::format("PostgreSQL does not take the connection: {}", answer.message),
            name,
            {},
            "look at its log; `dugong status` shows what dugong sees"};
  const auto& superuser = context.spec.auth.superuser;
  return {
      ErrorKind::refused,
      fmt::format("PostgreSQL refuses {}: {} (SQLSTATE {})", superuser, answer.message, answer.sqlstate), name,
      "the server was left as it is",
      fmt::format("put the password that {0} has there into `superuser_password` of [auth] in {1}, run `dugong up`, "
                  "and change it afterwards; or set it on the server: ALTER ROLE \"{0}\" PASSWORD '…'",
                  superuser, context.spec.file)};
}

}  // namespace

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
  if (!answer.connected) return fail(not_connected(context, name, answer));
  for (const auto& result : answer.calls.front())
    if (!result.ok() && !postgres::was_made_meanwhile(call.query, result.sqlstate))
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
  if (!answer.connected) {
    auto error = not_connected(context, name, answer);
    if (error.kind == ErrorKind::unreachable) error = {ErrorKind::unreachable, answer.message, name, {}, {}};
    return fail(std::move(error));
  }
  return postgres::parse_server(answer.calls.front());
}

}  // namespace dugong::engine
