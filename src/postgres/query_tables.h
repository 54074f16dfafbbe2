// The parts of queries(), by what they are for.
#pragma once

#include <string_view>
#include <vector>

#include "postgres/queries.h"

namespace dugong::postgres {

std::vector<NamedQuery> observe_queries();
std::vector<NamedQuery> change_queries();
std::vector<NamedQuery> verify_queries();

// Objects in somebody's schema must not stand in for PostgreSQL's own, and backslashes must mean what they say here.
inline constexpr std::string_view own_session =
    "SELECT pg_catalog.set_config('search_path', 'pg_catalog', false),"
    " pg_catalog.set_config('standard_conforming_strings', 'on', false)";
// A promoted replica may still refuse writes by configuration. Harmless on a standby: recovery refuses by itself.
inline constexpr std::string_view allow_writes = "SET default_transaction_read_only = off";
// Only this server's disk is asked, whatever standbys a commit waits for: those that the file names may be what dugong
// is about to make.
inline constexpr std::string_view flush_at_commit = "SET synchronous_commit = local";

}  // namespace dugong::postgres
