// Where things are, on the host and as the server sees them. In a container the places are fixed, so that the same
// postgresql.auto.conf and archive_command work on every node; only PGDATA differs between images.
#include "runtime/commands.h"

namespace dugong::runtime {

Paths host_paths(const std::string& directory, const std::string& logs) {
  return {directory,          directory + "/data",    directory + "/archive", logs.empty() ? directory + "/logs" : logs,
          directory + "/run", directory + "/secrets", directory + "/bin"};
}

Paths server_paths(Kind kind, const Paths& host, const std::string& pgdata) {
  switch (kind) {
    case Kind::process:
      return host;
    case Kind::compose:
      break;
  }
  return {host.directory,
          pgdata,
          "/var/lib/postgresql/wal_archive",
          "/var/log/timescaledb",
          "/var/run/postgresql",
          "/run/dugong",
          "/usr/local/lib/dugong"};
}

}  // namespace dugong::runtime
