#include "node/sql_connection.h"

#include <array>
#include <chrono>
#include <fmt/format.h>
#include <future>
#include <thread>

#include "base/text.h"
#include "node/sql.h"
#include "os/clock.h"
#include "os/env.h"
#include "os/files.h"
#include "postgres/identifiers.h"

namespace dugong::node {
namespace {

// The directory belongs to the server's user, who could put another's file there by a link; what root can read of it
// would go to a server that asks for passwords in clear.
Result<os::Content> read_secret(const std::string& path, const Places& places) {
  const auto directory = TRY(os::stat_file(places.at(path.substr(0, path.rfind('/')))));
  const auto place = places.at(path);
  const auto stat = TRY(os::stat_file(place));
  if (stat.kind == os::FileKind::missing) return os::Content{};
  auto content = stat.kind == os::FileKind::file ? TRY(os::read_file(place, 64 << 10)) : os::Content{stat, {}};
  const auto& seen = content.stat;
  if (seen.kind == os::FileKind::file && seen.links == 1 && seen.uid == directory.uid) return content;
  return fail(Error{ErrorKind::refused, "the password file is not a plain file of whom its directory belongs to", path,
                    "it was not read", "remove it, then run: dugong up"});
}

// Exactly the file's content without one trailing newline: what initdb --pwfile and POSTGRES_PASSWORD_FILE read.
Result<std::string> read_password(const std::string& path, const Places& places) {
  if (path.empty()) return std::string{};
  auto content = TRY(read_secret(path, places));
  if (content.stat.kind == os::FileKind::missing) {
    return fail(Error{ErrorKind::failed, "the password file does not exist", path, {}, "run: dugong up"});
  }
  auto password = std::move(content.bytes);
  if (password.ends_with('\n')) password.pop_back();
  if (password.find('\0') != std::string::npos) {
    return fail(Error{ErrorKind::failed, "the password file holds a NUL byte", path, {}, {}});
  }
  return password;
}

// Set ones would lead the connection elsewhere, and libpq gives no way to overrule them with "none".
std::optional<ConnectRefusal> foreign_environment() {
  for (const char* name : {"PGHOSTADDR", "PGSERVICE", "PGREQUIREPEER"}) {
    auto value = os::env(name);
    if (value && !value->empty()) {
      return ConnectRefusal{"08001", fmt::format("{} is set in dugong's environment: unset it", name)};
    }
  }
  return std::nullopt;
}

bool is_sqlstate(std::string_view text) {
  if (text.size() != 5) return false;
  for (char c : text) {
    if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'))) return false;
  }
  return true;
}

// libpq asks for the cancel with blocking calls and without a timeout (fe-connect.c, PQcancel), so a stopped postmaster
// would hang us: it gets a second, then it is left behind.
void cancel_within_a_second(PGcancel* handle) {
  std::promise<void> promise;
  auto done = promise.get_future();
  std::thread{[handle, promise = std::move(promise)]() mutable {
    std::array<char, 256> error{};
    PQcancel(handle, error.data(), static_cast<int>(error.size()));
    PQfreeCancel(handle);
    promise.set_value();
  }}.detach();
  done.wait_for(std::chrono::seconds{1});
}

}  // namespace

ConnectRefusal explain_refusal(std::string_view libpq_message) {
  auto text = printable(trim(libpq_message));
  auto location = text.find("\nLOCATION:");
  if (location != std::string::npos) text.resize(location);
  for (auto at = text.find(":  "); at != std::string::npos; at = text.find(":  ", at + 1)) {
    auto code = std::string_view{text}.substr(at + 3).substr(0, 5);
    if (!is_sqlstate(code) || text.compare(at + 8, 2, ": ") != 0) continue;
    ConnectRefusal refusal{std::string{code}, {}};
    text.erase(at + 3, 7);
    refusal.message = std::move(text);
    return refusal;
  }
  bool no_password = text.find("no password supplied") != std::string::npos;
  return {no_password ? "28P01" : "08001", std::move(text)};
}

std::size_t bound_parameters(std::string_view statement) {
  std::size_t highest = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < statement.size(); ++i) {
    if (statement[i] == '\'') quoted = !quoted;
    if (quoted || statement[i] != '$') continue;
    std::size_t number = 0;
    while (i + 1 < statement.size() && statement[i + 1] >= '0' && statement[i + 1] <= '9' && number < 1000) {
      number = number * 10 + static_cast<std::size_t>(statement[++i] - '0');
    }
    highest = std::max(highest, number);
  }
  return highest;
}

namespace {

// The directory holds the sockets of one server only: while a changed port waits for its restart, the server still
// answers at the old one.
Result<std::uint16_t> port_of_socket(const SqlTarget& target, const Places& places) {
  constexpr std::string_view start = ".s.PGSQL.";
  const auto place = places.at(target.socket_dir);
  const auto directory = TRY(os::stat_file(place));
  if (directory.kind != os::FileKind::directory) return target.port;
  std::vector<std::uint16_t> found;
  for (const auto& entry : TRY(os::list_directory(place))) {
    if (!entry.name.starts_with(start)) continue;
    const auto port = parse_u64(std::string_view{entry.name}.substr(start.size()));
    if (port && *port <= 65535) found.push_back(static_cast<std::uint16_t>(*port));
  }
  return found.size() == 1 ? found.front() : target.port;
}

}  // namespace

Result<std::variant<SqlConnection, ConnectRefusal>> SqlConnection::open(const SqlTarget& target, const Places& places,
                                                                        Deadline deadline,
                                                                        const std::stop_token& stop) {
  using Opened = std::variant<SqlConnection, ConnectRefusal>;
  // A comma would make it a list of hosts (fe-connect.c: parse_comma_separated_list): the password would go to others.
  if (!target.socket_dir.starts_with('/') || target.socket_dir.find(',') != std::string::npos) {
    return fail(ErrorKind::invalid, fmt::format("\"{}\" is not a directory of sockets", printable(target.socket_dir)));
  }
  if (auto refusal = foreign_environment()) return Opened{std::move(*refusal)};
  const Route there{target.socket_dir, TRY(port_of_socket(target, places)), target.user, target.database};
  const auto password = TRY(read_password(target.password_file, places));
  auto opened = TRY(open_as(there, password, deadline, stop));
  const auto* refusal = std::get_if<ConnectRefusal>(&opened);
  if (refusal == nullptr || refusal->sqlstate != "28P01" || target.password_file.empty()) return opened;
  const auto former = TRY(read_secret(target.password_file + ".before", places));
  for (const auto line : lines(former.bytes)) {
    auto tried = TRY(open_as(there, std::string{line}, deadline, stop));
    const auto* again = std::get_if<ConnectRefusal>(&tried);
    if (again == nullptr || again->sqlstate != "28P01") return tried;
  }
  return opened;
}

Result<std::variant<SqlConnection, ConnectRefusal>> SqlConnection::open_replication(const AskPeer& peer,
                                                                                    const Places& places,
                                                                                    Deadline deadline,
                                                                                    const std::stop_token& stop) {
  using Opened = std::variant<SqlConnection, ConnectRefusal>;
  // A comma would make it a list of hosts, a slash a directory of sockets (fe-connect.c: connectOptions2).
  if (peer.address.empty() || peer.address.find_first_of(",/@") != std::string::npos)
    return fail(ErrorKind::invalid, fmt::format("\"{}\" is not an address", printable(peer.address)));
  if (auto refusal = foreign_environment()) return Opened{std::move(*refusal)};
  const auto file = TRY(read_secret(peer.passfile, places));
  const auto password =
      postgres::password_in_passfile(file.bytes, peer.address, std::to_string(peer.port), "replication", peer.user);
  if (!password)
    return Opened{ConnectRefusal{
        "28P01", fmt::format("{} has no password for {} port {}", peer.passfile, peer.address, peer.port)}};
  return open_as({peer.address, peer.port, peer.user, "replication", true}, *password, deadline, stop);
}

Result<std::variant<SqlConnection, ConnectRefusal>> SqlConnection::open_as(const Route& route,
                                                                           const std::string& password,
                                                                           Deadline deadline,
                                                                           const std::stop_token& stop) {
  using Opened = std::variant<SqlConnection, ConnectRefusal>;
  SqlConnection connection{deadline, stop};
  TRY(connection.start(route, password));
  auto refusal = TRY(connection.finish_start());
  if (refusal) return Opened{std::move(*refusal)};
  return Opened{std::move(connection)};
}

// An empty value would mean "take it from the environment" to libpq, so nothing here is empty on purpose: PGOPTIONS is
// overruled by a blank, a passfile by a path that cannot exist.
Result<> SqlConnection::start(const Route& route, const std::string& password) {
  const auto port = std::to_string(route.port);
  simple_only_ = route.replication;
  // libpq 16 and newer can be told to hand no password over in clear, nor a ticket of ours: the server may have been
  // taken over. Older ones do not know the word and would refuse all of it.
  const bool knows_require_auth = PQlibVersion() >= 160000;
  const std::array<std::pair<const char*, const char*>, 15> options{{
      {"host", route.host.c_str()},
      {"port", port.c_str()},
      {"user", route.user.c_str()},
      {"dbname", route.database.c_str()},
      {"replication", route.replication ? "true" : "false"},
      {"password", password.c_str()},
      {"passfile", "/dev/null/none"},
      {"options", " "},
      {"client_encoding", "UTF8"},
      {"application_name", "dugong"},
      {"sslmode", route.replication ? "prefer" : "disable"},
      {"gssencmode", "disable"},
      {"channel_binding", "disable"},
      {"target_session_attrs", "any"},
      {knows_require_auth ? "require_auth" : nullptr, "scram-sha-256,md5,none"},
  }};
  std::array<const char*, options.size() + 1> keywords{};
  std::array<const char*, options.size() + 1> values{};
  for (std::size_t i = 0; i < options.size(); ++i) {
    keywords[i] = options[i].first;
    values[i] = options[i].second;
  }
  // The database's name must not be read as a connection string: expand_dbname is 0.
  connection_.reset(PQconnectStartParams(keywords.data(), values.data(), 0));
  if (!connection_) return fail(ErrorKind::failed, "out of memory");
  PQsetErrorVerbosity(connection_.get(), PQERRORS_VERBOSE);
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
  return {};
}

Result<std::optional<ConnectRefusal>> SqlConnection::finish_start() {
  auto* connection = connection_.get();
  auto state = PQstatus(connection) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING) {
    const int socket = PQsocket(connection);
    const bool reading = state == PGRES_POLLING_READING;
    TRY(wait(reading ? socket : -1, reading ? -1 : socket));
    state = PQconnectPoll(connection);
  }
  if (state != PGRES_POLLING_OK) return std::optional{explain_refusal(PQerrorMessage(connection))};
  PQsetnonblocking(connection, 1);
  return std::optional<ConnectRefusal>{};
}

Result<os::Ready> SqlConnection::wait(int read_fd, int write_fd) {
  const auto ready = os::wait_ready(read_fd, write_fd, deadline_, *stop_);
  switch (ready) {
    case os::Ready::first:
    case os::Ready::second:
      return ready;
    case os::Ready::stopped:
      cancel();
      return fail(ErrorKind::interrupted, "the query was cancelled");
    case os::Ready::timed_out:
      cancel();
      return fail(ErrorKind::timed_out, "PostgreSQL did not answer in time; the query was cancelled");
  }
  return fail(ErrorKind::failed, "poll gave an answer of no kind");
}

Result<bool> SqlConnection::send(const std::string& statement, const std::vector<std::string>& parameters) {
  std::vector<const char*> values;
  for (const auto& parameter : parameters) values.push_back(parameter.c_str());
  auto* connection = connection_.get();
  const int sent = simple_only_ ? PQsendQuery(connection, statement.c_str())
                                : PQsendQueryParams(connection, statement.c_str(), static_cast<int>(values.size()),
                                                    nullptr, values.data(), nullptr, nullptr, 0);
  if (sent == 0) return false;
  PQsetSingleRowMode(connection);  // rows come one by one, so that a large answer can be stopped
  int left = PQflush(connection);
  while (left == 1) {
    auto ready = TRY(wait(PQsocket(connection), PQsocket(connection)));
    if (ready == os::Ready::first && PQconsumeInput(connection) == 0) return false;
    left = PQflush(connection);
  }
  return left == 0;
}

Result<SqlConnection::ResultHandle> SqlConnection::next_result() {
  auto* connection = connection_.get();
  while (PQisBusy(connection) != 0) {
    TRY(wait(PQsocket(connection), -1));
    if (PQconsumeInput(connection) == 0) break;  // PQgetResult now tells how the connection ended
  }
  return ResultHandle{PQgetResult(connection)};
}

void SqlConnection::lost(postgres::StatementResult& into) const {
  into.sqlstate = "08006";
  into.message = printable(trim(PQerrorMessage(connection_.get())));
  if (into.message.empty()) into.message = "the connection was lost";
}

void SqlConnection::take_rows(const PGresult& result, postgres::StatementResult& into) {
  const int width = PQnfields(&result);
  into.columns.clear();
  for (int column = 0; column < width; ++column) into.columns.push_back(printable(PQfname(&result, column)));
  for (int row = 0; row < PQntuples(&result); ++row) {
    postgres::Row cells;
    for (int column = 0; column < width; ++column) {
      const auto length = static_cast<std::size_t>(PQgetlength(&result, row, column));
      taken_ += length + sizeof(cells[0]);
      if (PQgetisnull(&result, row, column) != 0) {
        cells.emplace_back();
        continue;
      }
      std::string text{PQgetvalue(&result, row, column), length};
      cells.emplace_back(is_utf8(text) ? std::move(text) : printable(text));
    }
    if (taken_ > max_sql_answer) {
      if (!overflow_) cancel();
      overflow_ = true;
      return;
    }
    into.rows.push_back(std::move(cells));
  }
}

void SqlConnection::take(const PGresult& result, postgres::StatementResult& into) {
  if (!into.ok()) return;  // a FATAL is followed by the lost connection, which is no news
  switch (PQresultStatus(&result)) {
    case PGRES_SINGLE_TUPLE:
    case PGRES_TUPLES_OK:
      take_rows(result, into);
      return;
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
      return;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
    case PGRES_PIPELINE_SYNC:
    case PGRES_PIPELINE_ABORTED:
    case PGRES_BAD_RESPONSE:
    case PGRES_NONFATAL_ERROR:
    case PGRES_FATAL_ERROR:
      break;
  }
  const char* code = PQresultErrorField(&result, PG_DIAG_SQLSTATE);
  if (code == nullptr) return lost(into);
  into.sqlstate = code;
  for (const int field :
       std::initializer_list<int>{PG_DIAG_MESSAGE_PRIMARY, PG_DIAG_MESSAGE_DETAIL, PG_DIAG_MESSAGE_HINT}) {
    const char* text = PQresultErrorField(&result, field);
    if (text == nullptr) continue;
    if (!into.message.empty()) into.message += "; ";
    into.message += printable(text);
  }
}

Result<postgres::StatementResult> SqlConnection::run(std::string_view statement,
                                                     const std::vector<std::string>& parameters) {
  for (const auto& parameter : parameters) {
    if (parameter.find('\0') != std::string::npos) return fail(ErrorKind::invalid, "a parameter holds a NUL byte");
  }
  auto bound = parameters;
  if (bound_parameters(statement) > bound.size()) return fail(ErrorKind::invalid, "a parameter is missing");
  bound.resize(bound_parameters(statement));
  const auto text = TRY(postgres::fill_in(statement, parameters));

  const auto started = os::now();
  postgres::StatementResult answer;
  const bool sent = TRY(send(text, bound));
  if (!sent) lost(answer);
  while (sent) {
    auto result = TRY(next_result());
    if (!result) break;
    take(*result, answer);
    const auto status = PQresultStatus(result.get());
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
      return fail(ErrorKind::failed, "COPY is not a query");
    }
  }
  if (overflow_) {
    answer.rows.clear();
    answer.sqlstate = "54000";
    answer.message = fmt::format("the answer is larger than {}", human_bytes(max_sql_answer));
  }
  answer.seconds = std::chrono::duration<double>(os::now() - started).count();
  return answer;
}

Result<std::vector<postgres::StatementResult>> SqlConnection::run_named(const postgres::NamedQuery& query,
                                                                        const std::vector<std::string>& parameters,
                                                                        AfterFailure after_failure) {
  if (query.parameters != parameters.size()) {
    return fail(ErrorKind::invalid, fmt::format("the query {} takes {} parameters, {} were given", query.name,
                                                query.parameters, parameters.size()));
  }
  std::vector<postgres::StatementResult> results;
  for (auto statement : query.statements) {
    results.push_back(TRY(run(statement, parameters)));
    if (after_failure == AfterFailure::stop && !results.back().ok()) break;
  }
  return results;
}

std::optional<std::string> SqlConnection::reported(const char* parameter) const {
  const char* value = PQparameterStatus(connection_.get(), parameter);
  return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

Result<std::string> SqlConnection::scram_verifier(const std::string& role, const std::string& password) {
  struct Free {
    void operator()(char* text) const { PQfreemem(text); }
  };
  std::unique_ptr<char, Free> verifier{
      PQencryptPasswordConn(connection_.get(), password.c_str(), role.c_str(), "scram-sha-256")};
  if (!verifier) return fail(ErrorKind::failed, printable(trim(PQerrorMessage(connection_.get()))));
  return std::string{verifier.get()};
}

void SqlConnection::cancel() {
  if (PGcancel* handle = PQgetCancel(connection_.get())) cancel_within_a_second(handle);
}

}  // namespace dugong::node
