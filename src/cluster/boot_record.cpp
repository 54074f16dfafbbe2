// The file that `up` leaves for `dugong node start`. No secret is in it, and people may read it.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cluster/boot.h"

namespace dugong::cluster {
namespace {

using Json = nlohmann::ordered_json;

constexpr int version = 1;

// Reads members and remembers the first that was not there or of another kind.
class Reader {
 public:
  explicit Reader(const Json& json) : json_{json} {}
  std::string text(const char* key) {
    const auto it = json_.find(key);
    if (it != json_.end() && it->is_string()) return it->get<std::string>();
    if (missing_.empty()) missing_ = key;
    return {};
  }
  std::uint16_t port(const char* key) {
    const auto it = json_.find(key);
    if (it != json_.end() && it->is_number_unsigned() && it->get<std::uint64_t>() <= 65535)
      return it->get<std::uint16_t>();
    if (missing_.empty()) missing_ = key;
    return 0;
  }
  [[nodiscard]] const std::string& missing() const { return missing_; }

 private:
  const Json& json_;
  std::string missing_;
};

runtime::Server read_server(Reader& reader) {
  return {.kind = reader.text("runtime") == "process" ? runtime::Kind::process : runtime::Kind::compose,
          .project = reader.text("project"),
          .compose_file = reader.text("compose_file"),
          .bin_dir = reader.text("bin_dir"),
          .os_user = reader.text("os_user"),
          .data = reader.text("data"),
          .log_file = reader.text("log_file"),
          .port = reader.port("port")};
}

std::string read_peers(const Json& json, std::vector<Peer>& into) {
  const auto peers = json.find("peers");
  if (peers == json.end() || !peers->is_array()) return "peers";
  for (const auto& one : *peers) {
    if (!one.is_object()) return "peers";
    Reader reader{one};
    into.push_back({reader.text("name"), reader.text("address"), reader.port("port")});
    if (!reader.missing().empty()) return "peers: " + reader.missing();
  }
  return {};
}

Error unusable(const std::string& file, const std::string& why) {
  return {ErrorKind::failed, "what `up` left for the boot cannot be used: " + why, file, "nothing was started",
          "`dugong up` from the controller writes it anew"};
}

}  // namespace

BootRecord boot_record_of(const spec::Spec& spec, const spec::Node& node, SystemId system_identifier) {
  BootRecord record{.cluster = spec.cluster,
                    .node = node.name,
                    .prefix = node.prefix,
                    .adopted = node.adopt,
                    .system_identifier = system_identifier,
                    .server = server_of(spec, node),
                    .replication_user = spec.auth.replication_user,
                    .passfile = passfile(host_paths_of(spec, node)),
                    .peers = {},
                    .policy = spec.boot};
  for (const auto& other : spec.nodes)
    if (other.name != node.name) record.peers.push_back({other.name, other.address, other.port});
  return record;
}

std::string boot_file(const std::string& directory) { return directory + "/boot.json"; }

std::string render(const BootRecord& record) {
  Json peers = Json::array();
  for (const auto& peer : record.peers)
    peers.push_back({{"name", peer.name}, {"address", peer.address}, {"port", peer.port}});
  const auto& server = record.server;
  Json json{{"version", version},
            {"cluster", record.cluster},
            {"node", record.node},
            {"prefix", record.prefix},
            {"system_identifier", to_string(record.system_identifier)},
            {"boot", record.policy == spec::BootPolicy::wait ? "wait" : "start"},
            {"runtime", server.kind == runtime::Kind::process ? "process" : "compose"},
            {"project", server.project},
            {"compose_file", server.compose_file},
            {"bin_dir", server.bin_dir},
            {"os_user", server.os_user},
            {"data", server.data},
            {"log_file", server.log_file},
            {"port", server.port},
            {"replication_user", record.replication_user},
            {"passfile", record.passfile},
            {"peers", peers}};
  if (!record.adopted.empty()) json["adopted"] = record.adopted;  // a dugong that does not know it finds no live data
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<BootRecord> parse_boot_record(std::string_view text, const std::string& file) {
  const auto json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return fail(unusable(file, "it is not JSON"));
  const auto written = json.find("version");
  if (written == json.end() || *written != version) return fail(unusable(file, "it is of another dugong"));
  Reader reader{json};
  BootRecord record{.cluster = reader.text("cluster"), .node = reader.text("node"), .prefix = reader.text("prefix")};
  if (json.contains("adopted")) record.adopted = reader.text("adopted");
  const auto system = parse_u64(reader.text("system_identifier"));
  record.system_identifier = SystemId{system.value_or(0)};
  record.policy = reader.text("boot") == "start" ? spec::BootPolicy::start : spec::BootPolicy::wait;
  record.server = read_server(reader);
  record.replication_user = reader.text("replication_user");
  record.passfile = reader.text("passfile");
  auto missing = reader.missing();
  if (missing.empty()) missing = read_peers(json, record.peers);
  if (!missing.empty()) return fail(unusable(file, fmt::format("'{}' is missing or of another kind", missing)));
  if (!system) return fail(unusable(file, "system_identifier is not a number"));
  return record;
}

void plan_boot(const Ground& g, SystemId system_identifier, Steps& steps) {
  const auto record = boot_record_of(g.spec, g.node, system_identifier);
  const auto path = boot_file(g.host.directory);
  const auto text = render(record);
  if (g.file(path).content != text)
    steps.add(WriteFile{path, Secret{text}, 0644, 0, 0, {}}, "what `dugong node start` goes by after a reboot");
  const auto entry = g.seen.host->registered.find(record.name());
  if (entry == g.seen.host->registered.end() || entry->second != g.host.directory)
    steps.add(RegisterNode{record.name(), g.host.directory});
}

}  // namespace dugong::cluster
