#include "node/sql.h"

#include <array>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <utility>

#include "base/text.h"
#include "node/sql_connection.h"
#include "wire/protocol.h"

namespace dugong::node {
namespace {

// For the calls whose answer has no room for "not connected".
Result<SqlConnection> connect(const SqlTarget& target, const Places& places, Deadline deadline,
                              const std::stop_token& stop) {
  auto opened = TRY(SqlConnection::open(target, places, deadline, stop));
  if (auto* refusal = std::get_if<ConnectRefusal>(&opened)) {
    return fail(Error{ErrorKind::unreachable,
                      fmt::format("PostgreSQL: {} ({})", refusal->message, refusal->sqlstate),
                      fmt::format("{} port {}", target.socket_dir, target.port),
                      {},
                      {}});
  }
  return std::get<SqlConnection>(std::move(opened));
}

Result<const postgres::NamedQuery*> known(const std::string& name) {
  if (const auto* query = postgres::find_query(name)) return query;
  return fail(ErrorKind::conflict,
              fmt::format("this node's dugong {} does not know the query \"{}\"", wire::own_version(), printable(name)),
              "upgrade dugong on this node");
}

// All statements of a query, as long as every one succeeds. The last one's result.
Result<postgres::StatementResult> must(SqlConnection& connection, const SqlCall& call) {
  const auto* query = TRY(known(call.query));
  auto results = TRY(connection.run_named(*query, call.parameters, AfterFailure::stop));
  if (results.empty()) return postgres::StatementResult{};
  auto& last = results.back();
  if (last.ok()) return std::move(last);
  const auto kind = last.sqlstate.starts_with("08") ? ErrorKind::unreachable : ErrorKind::failed;
  return fail(kind, fmt::format("{}: {} ({})", call.query, last.message, last.sqlstate));
}

// What is asked on behalf of the controller; the others would let a password's verifier leave the node.
Result<const postgres::NamedQuery*> askable(const std::string& name) {
  const auto* query = TRY(known(name));
  switch (query->asker) {
    case postgres::Asker::controller:
      return query;
    case postgres::Asker::node:
      break;
  }
  return fail(ErrorKind::refused, fmt::format("the query {} is not for controllers", name));
}

struct StoredRole {
  bool exists = false;
  std::string verifier;
};
Result<StoredRole> stored_role(SqlConnection& connection, const std::string& role) {
  const auto result = TRY(must(connection, {"role_verifier", {role}}));
  if (result.rows.empty() || result.rows[0].empty()) return StoredRole{};
  return StoredRole{true, result.rows[0][0].value_or("")};
}

Result<std::string> hmac_sha256_hex(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
           text.size(), digest.data(), &size) == nullptr) {
    return fail(ErrorKind::failed, "OpenSSL has no HMAC-SHA256");
  }
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

}  // namespace

Result<RunSql::Answer> run_sql(const RunSql& request, Deadline deadline, const std::stop_token& stop,
                               const Places& places) {
  std::vector<const postgres::NamedQuery*> queries;
  for (const auto& call : request.calls) queries.push_back(TRY(askable(call.query)));
  RunSql::Answer answer;
  auto opened = TRY(SqlConnection::open(request.target, places, deadline, stop));
  if (auto* refusal = std::get_if<ConnectRefusal>(&opened)) {
    answer.sqlstate = std::move(refusal->sqlstate);
    answer.message = std::move(refusal->message);
    return answer;
  }
  answer.connected = true;
  auto& connection = std::get<SqlConnection>(opened);
  for (std::size_t i = 0; i < queries.size(); ++i) {
    answer.calls.push_back(TRY(connection.run_named(*queries[i], request.calls[i].parameters, AfterFailure::go_on)));
  }
  return answer;
}

Result<Done> set_role_password(const SetRolePassword& request, Deadline deadline, const std::stop_token& stop,
                               const Places& places) {
  const auto& password = request.password.bytes;
  if (password.empty() || password.find('\0') != std::string::npos) {
    return fail(ErrorKind::invalid, fmt::format("the password of {} is empty or holds a NUL byte", request.role));
  }
  auto connection = TRY(connect(request.target, places, deadline, stop));
  auto role = TRY(stored_role(connection, request.role));
  if (!role.exists) {
    if (!request.replication) {
      return fail(ErrorKind::conflict, fmt::format("the role \"{}\" does not exist", request.role));
    }
    TRY(must(connection, {"create_replication_role", {request.role}}));
  }
  auto verifier = TRY(connection.scram_verifier(request.role, password));
  TRY(must(connection, {"set_verifier", {request.role, verifier}}));
  return Done{};
}

Result<RolePasswordMark::Answer> role_password_mark(const RolePasswordMark& request, Deadline deadline,
                                                    const std::stop_token& stop, const Places& places) {
  auto connection = TRY(connect(request.target, places, deadline, stop));
  auto role = TRY(stored_role(connection, request.role));
  if (role.verifier.empty()) return RolePasswordMark::Answer{};
  return RolePasswordMark::Answer{TRY(hmac_sha256_hex(role.verifier, request.password.bytes))};
}

Result<postgres::PeerFacts> ask_peer(const AskPeer& request, Deadline deadline, const std::stop_token& stop,
                                     const Places& places) {
  const auto silent = [](std::string why) { return postgres::PeerFacts{.why_not = std::move(why)}; };
  auto opened = SqlConnection::open_replication(request, places, deadline, stop);
  if (!opened && opened.error().kind == ErrorKind::timed_out) return silent(opened.error().what);
  if (!opened) return fail(std::move(opened).error());
  if (const auto* refusal = std::get_if<ConnectRefusal>(&*opened))
    return silent(fmt::format("{} ({})", refusal->message, refusal->sqlstate));
  auto& connection = std::get<SqlConnection>(*opened);
  auto answer = connection.run("IDENTIFY_SYSTEM", {});
  if (!answer && answer.error().kind == ErrorKind::timed_out) return silent(answer.error().what);
  if (!answer) return fail(std::move(answer).error());
  auto facts = TRY(postgres::parse_identify_system(*answer));
  if (const auto standby = connection.reported("in_hot_standby")) facts.in_recovery = *standby == "on";
  return facts;
}

}  // namespace dugong::node
