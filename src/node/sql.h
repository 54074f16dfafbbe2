// PostgreSQL on this node, spoken to through its unix socket. Only named queries travel; their text is looked up here.
//
// Nothing blocks past the deadline or a stop: a statement still running then is cancelled at the server and the
// connection is closed. Any number of threads may call at once, each call has a connection of its own.
#pragma once

#include <stop_token>

#include "base/units.h"
#include "node/places.h"
#include "node/request.h"

namespace dugong::node {

// All rows of all statements of one RunSql together; a statement that goes beyond is cancelled and answers 54000.
inline constexpr Bytes max_sql_answer = Bytes{8} << 20;

// A server that cannot be reached, or refuses, is an answer (`connected` false). Errors: conflict (a query this version
// does not know), invalid (wrong parameters), timed_out, interrupted; failed (the password file cannot be read).
Result<RunSql::Answer> run_sql(const RunSql& request, Deadline deadline, const std::stop_token& stop,
                               const Places& places = {});

// The SCRAM verifier is made here (libpq: PQencryptPasswordConn) and only that becomes SQL text. Errors: as above, and
// unreachable (no connection), conflict (no such role), failed (the server's own words).
Result<Done> set_role_password(const SetRolePassword& request, Deadline deadline, const std::stop_token& stop,
                               const Places& places = {});

// A peer that cannot be reached, or lets us not in, is an answer. Errors: timed_out only when stopped at the very
// beginning, interrupted, invalid, refused (the passfile).
Result<postgres::PeerFacts> ask_peer(const AskPeer& request, Deadline deadline, const std::stop_token& stop,
                                     const Places& places = {});

Result<RolePasswordMark::Answer> role_password_mark(const RolePasswordMark& request, Deadline deadline,
                                                    const std::stop_token& stop, const Places& places = {});

}  // namespace dugong::node
