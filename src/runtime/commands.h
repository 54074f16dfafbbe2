// How PostgreSQL is run: by Docker Compose or as a process of the host. Commands as data, and what their answers mean.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace dugong::runtime {

enum class Kind { compose, process };

// Where a node's things are, on the host and as its server sees them (the same for a process).
struct Paths {
  std::string directory;  // host: parent of the others
  std::string data;       // PGDATA
  std::string archive;
  std::string logs;
  std::string run;      // unix socket directory
  std::string secrets;  // superuser.pass, replication.pgpass
  std::string bin;      // dugong-wal
  friend bool operator==(const Paths&, const Paths&) = default;
};
// `logs` empty: DIRECTORY/logs.
Paths host_paths(const std::string& directory, const std::string& logs);
// Compose: fixed paths inside the container, `pgdata` from the image. Process: the host's.
Paths server_paths(Kind kind, const Paths& host, const std::string& pgdata);

// One server, addressed. `project` is the Compose project and the container's name.
struct Server {
  Kind kind = Kind::compose;
  std::string project;       // "dugong-CLUSTER-NODE"
  std::string compose_file;  // compose: DIRECTORY/docker-compose.yaml
  std::string bin_dir;       // process
  std::string os_user;       // process
  std::string data;          // host path of PGDATA
  std::string log_file;      // process: DIRECTORY/logs/server.log
  std::uint16_t port = 0;
  friend bool operator==(const Server&, const Server&) = default;
};

// What the software to be run is: an image, or a bin_dir.
struct Software {
  std::string id;         // compose: image id sha256:…; process: "postgres (PostgreSQL) 15.18 …"
  std::string pgdata;     // compose: ENV PGDATA of the image
  std::uint32_t uid = 0;  // of the postgres user in it
  std::uint32_t gid = 0;
  std::int64_t version_number = 0;  // 170004
  std::string libc;                 // "glibc 2.36", "musl": it sorts text; empty: not known
  friend bool operator==(const Software&, const Software&) = default;
};

// What runs containers on a host.
struct Engine {
  std::string version;                // of the Docker Engine
  std::string least_api;              // the oldest API that it speaks; empty: not told
  std::string compose;                // "docker compose" or "docker-compose"; empty: neither is there
  std::string compose_version;        // "2.29.7", "1.29.2"; empty: not told
  std::optional<std::string> refuse;  // Compose's own words when it could not ask the engine for its containers
  friend bool operator==(const Engine&, const Engine&) = default;
};

enum class ServerState { absent, created, running, exited };
std::string to_string(ServerState state);

// A container that dugong did not make, and that could use the data directory.
struct OtherContainer {
  std::string name;
  ServerState state = ServerState::absent;
  std::string image_id;
  std::string restart_policy;              // "unless-stopped", "on-failure:3"
  std::string project;                     // of Compose; empty: none made it
  std::vector<std::string> compose_files;  // host paths, of the Compose project that made it
  bool goes_when_stopped = false;          // docker run --rm
  bool serves = false;                     // the data directory is its PGDATA: it is a server of it
  bool set_aside = false;                  // by RetireContainer: it does not run, and nothing starts it by itself
  friend bool operator==(const OtherContainer&, const OtherContainer&) = default;
};

struct ServerFacts {
  ServerState state = ServerState::absent;
  std::string image_id;                       // compose: what the container runs
  std::map<std::string, std::string> labels;  // compose
  int exit_code = 0;                          // when exited
  std::string restart_policy;                 // compose: "no" is ours
  std::vector<std::string> strangers;         // other containers and processes that have this PGDATA, described
  std::vector<OtherContainer> containers;     // the containers among them, and those that were set aside
  std::vector<std::string> units;             // process: enabled systemd units that would start a server of this PGDATA
  std::vector<std::string> log_tail;          // last lines, when it is not running
  // What its startup process has done so far, in 10 ms of processor time and 64 KiB read or written; 0: none is seen.
  std::uint64_t work = 0;
  friend bool operator==(const ServerFacts&, const ServerFacts&) = default;
};

struct InspectSoftware {
  using Answer = Software;
  Kind kind = Kind::compose;
  std::string image;
  std::string bin_dir;
  std::string os_user;
};
// Error failed: docker is not there, or its engine does not answer.
struct InspectEngine {
  using Answer = Engine;
};
struct InspectServer {
  using Answer = ServerFacts;
  Server server;
};
struct InitData {  // process only (the image's entrypoint does it in a container); the directory must be empty
  using Answer = Done;
  Server server;
  std::string superuser;
  std::string password_file;
};
struct StartServer {  // returns when it is running, not when it is ready
  using Answer = Done;
  Server server;
};
// Fast shutdown; waits up to `seconds`, never kills: a shutdown checkpoint may take minutes. The rendered command of a
// container only asks for it; the waiting is render_wait.
struct StopServer {
  using Answer = Done;
  Server server;
  int seconds = 600;
};
struct RemoveServer {  // the stopped container; nothing for a process
  using Answer = Done;
  Server server;
};

// Somebody's container that has served this data until now: its restart policy becomes "no", it is stopped as
// StopServer stops, and gets the name set_aside_name(name). One that is set aside already is fine. Errors: refused (it
// does not use the data, or is dugong's own), timed_out (it goes on with its shutdown, under its old name).
struct RetireContainer {
  using Answer = Done;
  std::string name;
  std::string data;
  int seconds = 600;
  friend bool operator==(const RetireContainer&, const RetireContainer&) = default;
};
// The other way round; it is not started. One that is gone is fine: whoever made it can make it again.
struct ReturnContainer {
  using Answer = Done;
  std::string name;
  std::string data;
  std::string restart_policy;
  friend bool operator==(const ReturnContainer&, const ReturnContainer&) = default;
};
std::string set_aside_name(const std::string& name);  // of a container, and of a Compose file
bool is_set_aside_name(std::string_view name);

using Argv = std::vector<std::string>;
Argv render_restart_policy(const std::string& container, const std::string& policy);
Argv render_rename(const std::string& container, const std::string& name);
Argv render_interrupt(const std::string& container);                // PostgreSQL's fast shutdown
Argv render(const StartServer&, std::string_view compose_program);  // "docker-compose" or "docker compose"
Argv render(const StopServer&);
Argv render(const RemoveServer&);  // a process: empty
Argv render(const InitData&);

Argv render_image_inspect(const std::string& image);
// A throw-away container that says who owns the data and which PostgreSQL it is.
Argv render_image_script(const std::string& image_id);
Argv render_engine_version();                                   // answers "VERSION LEAST-API"
Argv render_compose_version(std::string_view compose_program);  // empty: the trial says it
// Lists the containers of a project that nobody has, described on standard input: whether Compose can talk to the
// engine shows in no version number (docker/docker-py#3256).
Argv render_compose_trial(std::string_view compose_program);
inline constexpr std::string_view compose_trial_file = "services:\n  nothing:\n    image: nothing\n";
Argv render_container_ids();
Argv render_container_inspect(const std::vector<std::string>& ids);
Argv render_volume_names();
Argv render_volume_inspect(const std::vector<std::string>& names);
Argv render_wait(const std::string& container);  // ends when the container does
Argv render_log_tail(const Server& server, int lines);

// Answers of `docker image inspect`, `docker container inspect` (JSON) and of the fixed `id`/`postgres --version`
// script.
Result<std::string> parse_image_id(std::string_view image_inspect_json);
Result<Software> parse_image(std::string_view image_inspect_json, std::string_view script_output);
Result<std::int64_t> parse_version(std::string_view postgres_version_line);
// Into version and least_api. Error failed: neither.
Result<Engine> parse_engine_version(std::string_view output);
// "v2.29.7" of `docker compose version --short`; "docker-compose version 1.29.2, build …" among what Compose 1 logs.
// Empty: not told.
std::string parse_compose_version(std::string_view output);
// The line that says why a trial failed: its last one, below all that is a stack trace.
std::string last_word(std::string_view stderr_text);
struct Container {
  std::string id;
  std::string name;
  ServerFacts facts;
  int pid = 0;                            // of its first process, as the host sees it; 0: not running
  std::vector<std::string> bind_sources;  // host directories mounted into it for writing
  bool goes_when_stopped = false;         // docker run --rm
  std::string host_pgdata;                // host path of what its PGDATA is; empty: none, or nothing of the host's
};
// Host directories behind volumes, by name: the local driver can bind one (`o=bind`), and then it is mounted as its
// own.
using VolumeDevices = std::map<std::string, std::string>;
// Of `docker volume inspect` (a list) or of the engine's own answer to /volumes.
Result<VolumeDevices> parse_volumes(std::string_view json);
Result<std::vector<Container>> parse_containers(std::string_view container_inspect_json,
                                                const VolumeDevices& volumes = {});
// Whether a server in this container could use the host directory `data`: it, something below it or a directory above
// it is mounted for writing. All of the host ("/", as administration containers mount it) does not count.
bool can_use(const Container& container, std::string_view data);
OtherContainer other_of(const Container& container, std::string_view data);

// The server's archive_command. Its words go through a shell, so both directories may hold letters, digits and "/._-"
// only. Errors: invalid.
Result<std::string> archive_command(const Paths& inside);
// Host path of the file that says whose archive it is: decimal system identifier and a newline. dugong-wal refuses
// every push while it is missing or names another system.
std::string archive_identity(const Paths& host);

struct ComposeInput {
  Server server;
  std::string cluster;
  std::string node;
  std::string image;
  Software software;
  Paths host;
  Paths inside;
  std::string shm_size;
  std::string superuser;
  std::string database;
  std::string address;
  bool first_start = false;  // the entrypoint is to run initdb; otherwise it refuses an empty data directory
};
// A file that Compose 1.29 and Compose v2 both accept: no secret in it, restart "no", stop_grace_period, health check,
// host networking without `ports`, labels with our mark.
std::string render_compose(const ComposeInput& input);

}  // namespace dugong::runtime
