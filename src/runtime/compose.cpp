// The Compose file of one server, written without a YAML library: every scalar is a double-quoted string, so nothing
// in it can be taken for another type, an anchor or the end of the value.
//
// What holds for Compose 1.29 and v2 alike: no `version:` (v2 warns, 1.27 and later do without), mounts in the long
// form without `bind.create_host_path` (1.29's schema refuses it; its long form already refuses a missing source
// instead of creating an empty directory, in which the image would run initdb).
#include <array>
#include <fmt/format.h>

#include "runtime/commands.h"

namespace dugong::runtime {
namespace {

std::string escaped(char c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\t':
      return "\\t";
    case '$':
      return "$$";  // Compose interpolates values after it has read the YAML
    default:
      break;
  }
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x20 || byte == 0x7f) return fmt::format("\\x{:02x}", byte);
  return {c};
}

std::string yaml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) out += escaped(c);
  return out + '"';
}

std::string yaml_list(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const auto& item : items) out += (out.size() > 1 ? ", " : "") + yaml_string(item);
  return out + "]";
}

// A comment ends with its line, whatever its text is made of.
std::string in_comment(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  return text;
}

struct Bind {
  std::string source;
  std::string target;
  bool read_only = false;
};

std::string render(const Bind& bind) {
  return fmt::format(
      "      - type: \"bind\"\n"
      "        source: {}\n"
      "        target: {}\n"
      "        read_only: {}\n",
      yaml_string(bind.source), yaml_string(bind.target), bind.read_only);
}

std::string volumes(const Paths& host, const Paths& inside) {
  const std::array binds = {
      Bind{host.data, inside.data}, Bind{host.archive, inside.archive},       Bind{host.logs, inside.logs},
      Bind{host.run, inside.run},   Bind{host.secrets, inside.secrets, true}, Bind{host.bin, inside.bin, true},
  };
  std::string out = "    volumes:\n";
  for (const auto& bind : binds) out += render(bind);
  return out;
}

std::string container(const ComposeInput& input) {
  return fmt::format(
      "    container_name: {}\n"
      "    image: {}\n"
      "    network_mode: \"host\"\n"
      "    shm_size: {}\n"
      "    # A container that Docker starts by itself after a reboot may find an unmounted, empty data directory.\n"
      "    restart: \"no\"\n"
      "    # SIGINT is PostgreSQL's fast shutdown; its checkpoint may take minutes.\n"
      "    stop_signal: \"SIGINT\"\n"
      "    stop_grace_period: \"10m\"\n",
      yaml_string(input.server.project), yaml_string(input.image), yaml_string(input.shm_size));
}

std::string labels(const ComposeInput& input) {
  return fmt::format(
      "    labels:\n"
      "      dugong.cluster: {}\n"
      "      dugong.node: {}\n",
      yaml_string(input.cluster), yaml_string(input.node));
}

// The image's entrypoint needs them for an empty data directory only, PGPORT for the temporary server that it runs
// then. But it exports the password to the server at every start (docker-library/postgres, docker-entrypoint.sh:
// file_env), and with one it would initialise whatever empty directory it found: after the first start there is none.
std::string environment(const ComposeInput& input) {
  if (!input.first_start) return {};
  return fmt::format(
      "    environment:\n"
      "      POSTGRES_USER: {}\n"
      "      POSTGRES_DB: {}\n"
      "      POSTGRES_PASSWORD_FILE: {}\n"
      "      # The first start comes before dugong.conf: it must not take 5432.\n"
      "      PGPORT: {}\n"
      "      # By default the image trusts 127.0.0.1, which with host networking is every user of the host.\n"
      "      POSTGRES_INITDB_ARGS: \"--data-checksums --auth-local=scram-sha-256 --auth-host=scram-sha-256\"\n",
      yaml_string(input.superuser), yaml_string(input.database), yaml_string(input.inside.secrets + "/superuser.pass"),
      yaml_string(std::to_string(input.server.port)));
}

// The start period covers a long crash recovery; nothing acts on the verdict, it is for people who look.
std::string health_check(const ComposeInput& input) {
  return fmt::format(
      "    healthcheck:\n"
      "      test: {}\n"
      "      interval: \"10s\"\n"
      "      timeout: \"5s\"\n"
      "      retries: 3\n"
      "      start_period: \"1h\"\n",
      yaml_list({"CMD", "pg_isready", "-q", "-h", input.inside.run, "-p", std::to_string(input.server.port)}));
}

}  // namespace

std::string render_compose(const ComposeInput& input) {
  auto out = fmt::format(
      "# Written by dugong for node {} ({}) of cluster {}; changes made here are overwritten.\n"
      "services:\n"
      "  postgres:\n",
      in_comment(input.node), in_comment(input.address), in_comment(input.cluster));
  out += container(input);
  out += labels(input);
  out += environment(input);
  out += health_check(input);
  out += volumes(input.host, input.inside);
  return out;
}

}  // namespace dugong::runtime
