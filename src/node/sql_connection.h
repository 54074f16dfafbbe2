// One libpq connection that never blocks: every wait goes through os::wait_ready with a deadline and a stop.
#pragma once

#include <libpq-fe.h>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/units.h"
#include "node/places.h"
#include "node/request.h"
#include "os/fd.h"

namespace dugong::node {

// Why a connection was not made.
struct ConnectRefusal {
  std::string sqlstate;
  std::string message;
  friend bool operator==(const ConnectRefusal&, const ConnectRefusal&) = default;
};
// libpq keeps no SQLSTATE for a failed connection (before 18), but with PQERRORS_VERBOSE the server's stands in the
// text
// ("FATAL:  57P03: …"; fe-protocol3.c, pqBuildErrorMessage3). What libpq itself says becomes 28P01 (no password at
// hand) or 08001.
ConnectRefusal explain_refusal(std::string_view libpq_message);

// The largest n of `$n` in a statement: how many parameters have to be bound. Quoted text is skipped.
std::size_t bound_parameters(std::string_view statement);

// After a statement that failed: the rest all the same (NamedQuery's rule), or nothing more.
enum class AfterFailure { go_on, stop };

class SqlConnection {
 public:
  // Where the password is refused, the lines of PASSWORD_FILE.before are tried in order: a changed password is in the
  // file before the server has it. Errors: timed_out, interrupted, failed (password file).
  static Result<std::variant<SqlConnection, ConnectRefusal>> open(const SqlTarget& target, const Places& places,
                                                                  Deadline deadline, const std::stop_token& stop);

  // To the walsender of another node, as its passfile says (AskPeer). Errors: as above, and refused (the passfile).
  static Result<std::variant<SqlConnection, ConnectRefusal>> open_replication(const AskPeer& peer, const Places& places,
                                                                              Deadline deadline,
                                                                              const std::stop_token& stop);

  // One statement in either style of postgres::NamedQuery. What the server says against it is in the result; a lost
  // connection is 08006 there. Errors: timed_out, interrupted, invalid (parameters).
  Result<postgres::StatementResult> run(std::string_view statement, const std::vector<std::string>& parameters);
  // All statements of a named query, in order. Errors as above.
  Result<std::vector<postgres::StatementResult>> run_named(const postgres::NamedQuery& query,
                                                           const std::vector<std::string>& parameters,
                                                           AfterFailure after_failure);

  // What the server reported of itself when the connection was made; none: it reports no such thing.
  [[nodiscard]] std::optional<std::string> reported(const char* parameter) const;

  // Errors: failed, in libpq's words.
  Result<std::string> scram_verifier(const std::string& role, const std::string& password);

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  using ResultHandle = std::unique_ptr<PGresult, Clear>;

  SqlConnection(Deadline deadline, const std::stop_token& stop)
      : deadline_{deadline}, stop_{std::make_unique<os::StopSignal>(stop)} {}
  // Where to and as what; `host` is a directory of sockets or an address.
  struct Route {
    std::string host;
    std::uint16_t port = 0;
    std::string user;
    std::string database;
    bool replication = false;
  };
  static Result<std::variant<SqlConnection, ConnectRefusal>> open_as(const Route& route, const std::string& password,
                                                                     Deadline deadline, const std::stop_token& stop);
  Result<> start(const Route& route, const std::string& password);
  Result<std::optional<ConnectRefusal>> finish_start();
  Result<os::Ready> wait(int read_fd, int write_fd);
  Result<bool> send(const std::string& statement, const std::vector<std::string>& parameters);
  Result<ResultHandle> next_result();
  void take(const PGresult& result, postgres::StatementResult& into);
  void take_rows(const PGresult& result, postgres::StatementResult& into);
  void lost(postgres::StatementResult& into) const;
  void cancel();

  std::unique_ptr<PGconn, Finish> connection_;
  Deadline deadline_;
  std::unique_ptr<os::StopSignal> stop_;
  Bytes taken_ = 0;
  bool overflow_ = false;
  bool simple_only_ = false;  // a walsender knows no other protocol (postgres.c: forbidden_in_wal_sender)
};

}  // namespace dugong::node
