// Containers and processes: what is asked of docker, Compose and pg_ctl, and what becomes of a server afterwards.
#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "test/sim/parts.h"

namespace dugong::sim {
namespace {

using runtime::Kind;
using runtime::ServerState;

constexpr std::size_t log_lines = 20;
constexpr std::uint32_t image_uid = 70;  // of the Alpine images
constexpr std::uint32_t host_uid = 105;  // Debian's postgres

// A double-quoted YAML scalar as render_compose writes it.
std::string unquoted(std::string_view text) {
  text = trim(text);
  if (text.size() < 2 || text.front() != '"') return std::string{text};
  std::string out;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    const char c = text[i];
    if (c == '$' && text[i + 1] == '$') ++i;
    if (c == '\\') {
      ++i;
      out += text[i] == 'n' ? '\n' : text[i] == 't' ? '\t' : text[i];
      continue;
    }
    out += c;
  }
  return out;
}

// The few keys of a Compose file that mean something here, told apart by their indentation.
void read_compose(std::string_view text, Server& server) {
  std::string section;
  for (auto raw : lines(text)) {
    auto line = trim(raw);
    if (line.empty() || line.starts_with('#')) continue;
    const auto indent = raw.find_first_not_of(' ');
    if (line.starts_with("- ") && section == "command") server.command.push_back(unquoted(line.substr(2)));
    if (line.starts_with("- ")) continue;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string key{line.substr(0, colon)};
    const auto value = unquoted(line.substr(colon + 1));
    if (indent == 4) section = key;
    if (indent == 4 && key == "image") server.image = value;
    if (indent == 4 && key == "restart") server.restart_policy = value;
    if (section == "labels" && indent == 6) server.labels[key] = value;
    if (section == "environment" && indent == 6) server.environment[key] = value;
    if (section == "volumes" && key == "source") server.binds.push_back({value, ""});
    if (section == "volumes" && key == "target" && !server.binds.empty()) server.binds.back().target = value;
  }
}

Result<Server> make_container(State& state, Host& host, const runtime::Server& wanted) {
  const auto* file = find(host, wanted.compose_file);
  if (file == nullptr)
    return fail(ErrorKind::failed, fmt::format("ERROR: .FileNotFoundError: [Errno 2] No such file or directory: '{}'",
                                               wanted.compose_file));
  Server server;
  server.kind = Kind::compose;
  server.name = wanted.project;
  server.host = host.name;
  server.compose_text = file->content;
  read_compose(file->content, server);
  if (server.image != state.options.image)
    return fail(ErrorKind::failed, fmt::format("pull access denied for {}, repository does not exist", server.image));
  server.software = software_of(state, Kind::compose);
  for (const auto& bind : server.binds) {
    const auto* source = find(host, bind.source);
    if (source == nullptr)
      return fail(
          ErrorKind::failed,
          fmt::format("invalid mount config for type \"bind\": bind source path does not exist: {}", bind.source));
    if (bind.target == server.software.pgdata) server.data = bind.source;
  }
  if (server.data.empty()) server.data = wanted.data;
  return server;
}

Result<Server> make_process(State& state, Host& host, const runtime::Server& wanted) {
  if (wanted.bin_dir != state.options.bin_dir)
    return fail(ErrorKind::failed, wanted.bin_dir + "/pg_ctl: No such file or directory");
  if (!is_initialised(host, wanted.data))
    return fail(ErrorKind::failed,
                fmt::format("pg_ctl: directory \"{}\" is not a database cluster directory", wanted.data));
  const auto* log = find(host, directory_of(wanted.log_file));
  if (log == nullptr)
    return fail(ErrorKind::failed, fmt::format("/bin/sh: cannot create {}: Directory nonexistent", wanted.log_file));
  Server server;
  server.kind = Kind::process;
  server.name = wanted.data;
  server.host = host.name;
  server.data = wanted.data;
  server.software = software_of(state, Kind::process);
  return server;
}

// The image's entrypoint: an empty data directory is initialised, whatever is or is not mounted there.
void enter_container(State& state, Host& host, Server& server) {
  auto place = resolve(host, server.data);
  auto& tree = edit(place);
  auto& root = tree.files[place.inner];
  root.uid = server.software.uid;
  root.gid = server.software.gid;
  root.mode = 0700;
  if (tree.files.contains(inner_join(place.inner, "PG_VERSION"))) return start_postgres(state, server);
  if (!children(tree, place.inner).empty())
    return end_server(state, server, 1,
                      "initdb: error: directory \"" + server.software.pgdata + "\" exists but is not empty");
  if (place.dataset == nullptr) state.violate("initdb into unmounted directory: " + host.name + ":" + server.data);
  const auto password = to_host(server, server.environment["POSTGRES_PASSWORD_FILE"]);
  if (password.empty() || find(host, password) == nullptr)
    return end_server(state, server, 1, "Error: Database is uninitialized and superuser password is not specified.");
  Entry version;  // written early: a directory cut off in initdb looks whole (initdb.c: write_version_file)
  version.content = "14\n";
  version.mode = 0600;
  version.uid = server.software.uid;
  tree.files[inner_join(place.inner, "PG_VERSION")] = version;
  server.phase = Phase::initdb;
  server.phase_ends = state.now + state.options.initdb_time;
}

void begin(State& state, Host& host, Server& server) {
  auto place = resolve(host, server.data);
  server.dataset = place.dataset == nullptr ? "" : place.dataset->name;
  server.inner = place.inner;
  server.state = ServerState::running;
  server.exit_code = 0;
  server.log.clear();
  server.started = state.now;
  server.last_checkpoint = state.now;
  server.running_checkpoint.reset();
  server.streaming = false;
  for (const auto& [name, other] : host.servers) {
    if (&other == &server || !other.running()) continue;
    if (other.dataset == server.dataset && other.inner == server.inner)
      state.violate("two servers on one data directory: " + host.name + ":" + server.data);
  }
  if (server.kind == Kind::compose) enter_container(state, host, server);
  if (server.kind == Kind::process) start_postgres(state, server);
}

std::string described(const Server& server) {
  return server.kind == Kind::compose ? "container " + server.name : "postgres process in " + server.data;
}

constexpr const char* compose_files_label = "com.docker.compose.project.config_files";

runtime::OtherContainer other_container(const Server& server, const std::string& data) {
  runtime::OtherContainer out;
  out.name = server.name;
  out.state = server.state;
  out.image_id = server.software.id;
  out.restart_policy = server.restart_policy;
  if (const auto files = server.labels.find(compose_files_label); files != server.labels.end())
    out.compose_files = {files->second};
  out.serves = server.data == data;
  out.set_aside = runtime::is_set_aside_name(server.name) && !server.running() && server.restart_policy == "no";
  return out;
}

bool uses(const Server& server, const std::string& data) {
  return path_below(data, server.data) || path_below(server.data, data);
}

std::vector<runtime::OtherContainer> other_containers(const Host& host, const Server* own, const std::string& data) {
  std::vector<runtime::OtherContainer> out;
  for (const auto& [name, other] : host.servers)
    if (&other != own && other.kind == Kind::compose && uses(other, data)) out.push_back(other_container(other, data));
  return out;
}

// A container is one whether it runs or not; a process only while it does.
std::vector<std::string> strangers_of(const Host& host, const Server* own, const std::string& data) {
  std::vector<std::string> out;
  for (const auto& [name, other] : host.servers) {
    if (&other == own || !uses(other, data)) continue;
    const bool counts = other.kind == Kind::compose ? !other_container(other, data).set_aside : other.running();
    if (counts) out.push_back(described(other));
  }
  return out;
}

// Those that have it now: only they keep another from being started.
std::vector<std::string> running_strangers_of(const Host& host, const Server* own, const std::string& data) {
  std::vector<std::string> out;
  for (const auto& [name, other] : host.servers)
    if (&other != own && other.running() && uses(other, data)) out.push_back(described(other));
  return out;
}

Result<Server*> foreign_container(Host& host, const std::string& name, const std::string& data) {
  const auto it = host.servers.find(name);
  if (it == host.servers.end() || it->second.kind != Kind::compose) return nullptr;
  if (it->second.labels.contains("dugong.cluster"))
    return fail(ErrorKind::refused, "the container " + name + " was made by dugong");
  if (!uses(it->second, data)) return fail(ErrorKind::refused, "the container " + name + " does not use " + data);
  return &it->second;
}

void rename_container(Host& host, const std::string& from, const std::string& to) {
  auto handle = host.servers.extract(from);
  handle.key() = to;
  handle.mapped().name = to;
  host.servers.insert(std::move(handle));
}

Result<Server*> existing(Host& host, const runtime::Server& wanted) {
  auto it = host.servers.find(server_name(wanted));
  return it == host.servers.end() ? nullptr : &it->second;
}

}  // namespace

runtime::Software software_of(const State& state, Kind kind) {
  runtime::Software out;
  const bool container = kind == Kind::compose;
  out.id = container ? "sha256:" + digest(state.options.image) : "postgres (PostgreSQL) 14.18";
  out.pgdata = container ? state.options.pgdata : "";
  out.uid = container ? image_uid : host_uid;
  out.gid = out.uid;
  out.version_number = state.options.version_number;
  out.libc = container ? "musl" : "glibc 2.36";
  return out;
}

std::string server_name(const runtime::Server& server) {
  return server.kind == Kind::compose ? server.project : server.data;
}

std::string to_host(const Server& server, std::string_view inside) {
  if (server.kind == Kind::process) return std::string{inside};
  const Bind* best = nullptr;
  for (const auto& bind : server.binds)
    if (path_below(inside, bind.target) && (best == nullptr || bind.target.size() > best->target.size())) best = &bind;
  return best == nullptr ? std::string{} : best->source + std::string{inside.substr(best->target.size())};
}

void end_server(State& state, Server& server, int code, const std::string& last_words) {
  if (auto* tree = tree_of(state, server)) tree->files.erase(inner_join(server.inner, "postmaster.pid"));
  server.state = ServerState::exited;
  server.exit_code = code;
  server.streaming = false;
  server.log.push_back(last_words);
}

void crash(Server& server) {
  server.state = ServerState::exited;
  server.exit_code = 137;
  server.streaming = false;
}

Server* listening(Host& host, std::uint16_t port) {
  for (auto& [name, server] : host.servers)
    if (server.running() && server.phase != Phase::initdb && number_of(server, "port") == port) return &server;
  return nullptr;
}

bool has_server_on(Host& host, const std::string& dataset) {
  return std::ranges::any_of(host.servers, [&](const auto& item) {
    const auto& server = item.second;
    if (!server.running()) return false;
    if (server.dataset == dataset) return true;
    return std::ranges::any_of(server.binds, [&](const Bind& bind) {
      auto place = resolve(host, bind.source);
      return place.dataset != nullptr && place.dataset->name == dataset;
    });
  });
}

Replied answer(State& state, Host&, const runtime::InspectSoftware& request) {
  if (request.kind == Kind::compose && request.image != state.options.image)
    return fail(ErrorKind::failed, "Error: No such image: " + request.image, "docker pull " + request.image);
  if (request.kind == Kind::process && request.bin_dir != state.options.bin_dir)
    return fail(ErrorKind::failed, request.bin_dir + "/postgres: No such file or directory");
  return software_of(state, request.kind);
}

Replied answer(State& state, Host&, const runtime::InspectEngine&) { return state.options.engine; }

Replied answer(State&, Host& host, const runtime::InspectServer& request) {
  runtime::ServerFacts facts;
  auto* server = TRY(existing(host, request.server));
  facts.strangers = strangers_of(host, server, request.server.data);
  facts.containers = other_containers(host, server, request.server.data);
  if (request.server.kind == Kind::process) facts.units = host.units;
  if (server == nullptr) return facts;
  facts.state = server->state;
  facts.exit_code = server->exit_code;
  if (server->kind == Kind::compose) {
    facts.image_id = server->software.id;
    facts.labels = server->labels;
    facts.restart_policy = server->restart_policy;
  }
  if (!server->running()) facts.log_tail = server->log;
  if (facts.log_tail.size() > log_lines)
    facts.log_tail.erase(facts.log_tail.begin(), facts.log_tail.end() - static_cast<std::ptrdiff_t>(log_lines));
  return facts;
}

Replied answer(State& state, Host& host, const runtime::InitData& request) {
  const auto& wanted = request.server;
  if (wanted.kind != Kind::process)
    return fail(ErrorKind::invalid, "the image's entrypoint runs initdb in a container");
  const auto* directory = find(host, wanted.data);
  const auto* password = find(host, request.password_file);
  const auto software = software_of(state, Kind::process);
  auto place = resolve(host, wanted.data);
  if (directory != nullptr && !children(look(place), place.inner).empty())
    return fail(ErrorKind::refused,
                fmt::format("initdb: error: directory \"{}\" exists but is not empty", wanted.data));
  if (directory == nullptr || directory->uid != software.uid)
    return fail(ErrorKind::failed,
                fmt::format("initdb: error: could not change permissions of directory \"{}\": Operation not permitted",
                            wanted.data));
  if (password == nullptr)
    return fail(ErrorKind::failed,
                fmt::format("initdb: error: could not open file \"{}\" for reading: No such file or directory",
                            request.password_file));
  if (!readable_by(*password, software.uid, software.gid))
    return fail(
        ErrorKind::failed,
        fmt::format("initdb: error: could not open file \"{}\" for reading: Permission denied", request.password_file));
  if (place.dataset == nullptr) state.violate("initdb into unmounted directory: " + host.name + ":" + wanted.data);
  TRY(init_data(state, host, wanted.data, software, request.superuser, std::string{trim(password->content)}, false));
  return Done{};
}

// As the node's own door does it: a running server is left as it is, a stranger on the data directory forbids it, and
// what ends at once is an error with its last words. Compose makes a container anew when its file has changed.
Replied answer(State& state, Host& host, const runtime::StartServer& request) {
  auto* old = TRY(existing(host, request.server));
  const auto others = running_strangers_of(host, old, request.server.data);
  if (!others.empty())
    return fail(ErrorKind::refused, request.server.data + " is in use: " + join(others, ", "),
                "stop what uses it; two servers on one data directory destroy it");
  if (old != nullptr && old->running()) return Done{};
  auto fresh = TRY(request.server.kind == Kind::compose ? make_container(state, host, request.server)
                                                        : make_process(state, host, request.server));
  auto& server = host.servers[server_name(request.server)] = std::move(fresh);
  begin(state, host, server);
  if (server.running()) return Done{};
  return fail(ErrorKind::failed, "the server in " + server.data + " does not run: " + server.log.back());
}

Replied answer(State& state, Host& host, const runtime::StopServer& request) {
  auto* server = TRY(existing(host, request.server));
  if (server == nullptr || !server->running()) return Done{};
  stop_postgres(state, *server);
  return Done{};
}

Replied answer(State&, Host& host, const runtime::RemoveServer& request) {
  auto* server = TRY(existing(host, request.server));
  if (server == nullptr || request.server.kind == Kind::process) return Done{};
  if (server->running())
    return fail(ErrorKind::refused, "You cannot remove a running container " + server->name +
                                        ". Stop the container before attempting removal or force remove");
  host.servers.erase(server->name);
  return Done{};
}

Replied answer(State& state, Host& host, const runtime::RetireContainer& request) {
  const auto aside = runtime::set_aside_name(request.name);
  auto* server = TRY(foreign_container(host, request.name, request.data));
  if (server == nullptr && host.servers.contains(aside)) return Done{};
  if (server == nullptr) return fail(ErrorKind::conflict, "there is no container " + request.name);
  if (host.servers.contains(aside)) return fail(ErrorKind::refused, "there is a container " + aside + " already");
  server->restart_policy = "no";
  if (server->running()) stop_postgres(state, *server);
  rename_container(host, request.name, aside);
  return Done{};
}

Replied answer(State&, Host& host, const runtime::ReturnContainer& request) {
  const auto aside = runtime::set_aside_name(request.name);
  if (TRY(foreign_container(host, aside, request.data)) != nullptr) {
    if (host.servers.contains(request.name))
      return fail(ErrorKind::refused, "there is a container " + request.name + " already");
    rename_container(host, aside, request.name);
  }
  if (auto* server = TRY(foreign_container(host, request.name, request.data)))
    server->restart_policy = request.restart_policy;
  return Done{};
}

}  // namespace dugong::sim
