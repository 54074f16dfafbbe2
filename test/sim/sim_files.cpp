// Files: a tree per host and one per dataset. A mounted dataset hides what is under its mount point, and a path below
// an unmounted one silently means the host's own tree: the trap in which databases are initialised by accident.
#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "postgres/conf.h"
#include "test/sim/parts.h"

namespace dugong::sim {
namespace {

constexpr std::uint64_t fnv_prime = 1099511628211ULL;

std::string clean(std::string_view path) {
  std::string out{path};
  while (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

std::string below(std::string_view path, std::string_view root) {
  auto rest = root == "/" ? path.substr(1) : path.substr(root.size());
  while (rest.starts_with('/')) rest.remove_prefix(1);
  return std::string{rest};
}

tl::unexpected<Error> no_such(const std::string& path) {
  return fail(ErrorKind::failed, path + ": No such file or directory");
}

bool is_read_only(const Place& place) {
  if (place.dataset == nullptr) return false;
  auto* pool = pool_with(*place.host, place.dataset->name);
  return pool != nullptr && effective(*pool, *place.dataset, "readonly").value == "on";
}

bool is_mount_point(Host& host, const std::string& path) {
  auto place = resolve(host, path);
  return place.dataset != nullptr && place.inner.empty();
}

bool has_mount_below(Host& host, const std::string& path) {
  for (auto& [name, pool] : host.pools)
    for (auto& [full, dataset] : pool.datasets)
      if (!dataset.mounted_at.empty() && path_below(dataset.mounted_at, path)) return true;
  return false;
}

void note_exposed_secret(State& state, const Host& host, const node::WriteFile& request) {
  if ((request.mode & 077U) == 0) return;
  for (const auto& secret : state.options.secrets) {
    if (!secret.empty() && request.content.bytes.find(secret) != std::string::npos)
      state.violate("secret readable by others: " + host.name + ":" + request.path);
  }
}

// Reading a file sets its access time: on a dataset that allows it, that is a modification which stops the next
// incremental receive.
void touch(Host& host, const Place& place) {
  if (place.dataset == nullptr || is_read_only(place)) return;
  auto* pool = pool_with(host, place.dataset->name);
  if (effective(*pool, *place.dataset, "atime").value != "off") edit(place);
}

}  // namespace

std::string file_name_of(std::string_view path) { return std::string{path.substr(path.rfind('/') + 1)}; }

std::string directory_of(std::string_view path) {
  auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return {};
  return slash == 0 ? "/" : std::string{path.substr(0, slash)};
}

bool path_below(std::string_view path, std::string_view root) {
  if (root.empty() || root == "/") return true;
  return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

std::string inner_join(const std::string& inner, std::string_view name) {
  return inner.empty() ? std::string{name} : inner + "/" + std::string{name};
}

bool readable_by(const Entry& entry, std::uint32_t uid, std::uint32_t gid) {
  if (uid == 0) return true;
  if (entry.uid == uid) return (entry.mode & 0400U) != 0;
  if (entry.gid == gid) return (entry.mode & 0040U) != 0;
  return (entry.mode & 0004U) != 0;
}

std::string digest(std::string_view bytes) {
  std::string out;
  for (std::uint64_t part = 0; part < 4; ++part) {
    std::uint64_t hash = 14695981039346656037ULL + part;
    for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * fnv_prime;
    out += fmt::format("{:016x}", hash);
  }
  return out;
}

Place resolve(Host& host, std::string_view raw) {
  auto path = clean(raw);
  Place place{&host, nullptr, below(path, "/")};
  std::size_t longest = 0;
  for (auto& [pool_name, pool] : host.pools) {
    for (auto& [name, dataset] : pool.datasets) {
      const auto& at = dataset.mounted_at;
      if (at.empty() || at.size() < longest || !path_below(path, at)) continue;
      longest = at.size();
      place.dataset = &dataset;
      place.inner = below(path, at);
    }
  }
  return place;
}

const Tree& look(const Place& place) { return place.dataset == nullptr ? place.host->root : *place.dataset->tree; }

Tree& edit(const Place& place) {
  if (place.dataset == nullptr) return place.host->root;
  auto& tree = place.dataset->tree;
  if (tree.use_count() > 1) tree = std::make_shared<Tree>(*tree);
  return *tree;
}

const Entry* find(Host& host, std::string_view path) {
  auto place = resolve(host, path);
  const auto& files = look(place).files;
  auto it = files.find(place.inner);
  return it == files.end() ? nullptr : &it->second;
}

std::vector<std::string> children(const Tree& tree, const std::string& inner) {
  std::vector<std::string> names;
  const auto prefix = inner.empty() ? inner : inner + "/";
  for (auto it = tree.files.lower_bound(prefix); it != tree.files.end() && it->first.starts_with(prefix); ++it) {
    auto rest = std::string_view{it->first}.substr(prefix.size());
    if (!rest.empty() && rest.find('/') == std::string_view::npos) names.emplace_back(rest);
  }
  return names;
}

void remove_below(Tree& tree, const std::string& inner) {
  const auto prefix = inner.empty() ? inner : inner + "/";
  std::erase_if(tree.files, [&](const auto& item) { return !item.first.empty() && item.first.starts_with(prefix); });
  std::erase_if(tree.clusters, [&](const auto& item) { return path_below(item.first, inner); });
}

Result<> write_file(Host& host, const std::string& path, Entry entry) {
  const auto* parent = find(host, directory_of(path));
  if (parent == nullptr) return no_such(directory_of(path));
  if (!parent->directory) return fail(ErrorKind::failed, directory_of(path) + ": Not a directory");
  auto place = resolve(host, path);
  if (is_read_only(place)) return fail(ErrorKind::failed, path + ": Read-only file system");
  const auto* old = find(host, path);
  if (old != nullptr && old->directory) return fail(ErrorKind::failed, path + ": Is a directory");
  edit(place).files[place.inner] = std::move(entry);
  return {};
}

Result<> make_directory(Host& host, const std::string& path, std::uint32_t mode, std::uint32_t uid, std::uint32_t gid) {
  if (path == "/") return {};
  auto place = resolve(host, path);
  const auto* old = find(host, path);
  if (old != nullptr && !old->directory) return fail(ErrorKind::failed, path + ": Not a directory");
  if (old != nullptr && old->mode == mode && old->uid == uid && old->gid == gid) return {};
  if (old == nullptr && find(host, directory_of(path)) == nullptr)
    TRY(make_directory(host, directory_of(path), 0755, 0, 0));
  if (is_read_only(place)) return fail(ErrorKind::failed, path + ": Read-only file system");
  Entry entry;
  entry.directory = true;
  entry.mode = mode;
  entry.uid = uid;
  entry.gid = gid;
  edit(place).files[place.inner] = entry;
  return {};
}

Replied answer(State&, Host& host, const node::ReadFile& request) {
  node::FileFacts facts;
  const auto* entry = find(host, request.path);
  if (entry == nullptr) return facts;
  facts.exists = true;
  facts.is_directory = entry->directory;
  facts.size = entry->virtual_size != 0 ? entry->virtual_size : entry->content.size();
  facts.mode = entry->mode;
  facts.uid = entry->uid;
  facts.gid = entry->gid;
  facts.content.bytes = entry->content.substr(0, request.limit);
  if (entry->directory && request.limit > 0) {
    const auto place = resolve(host, request.path);
    facts.entries = children(look(place), place.inner);
  }
  touch(host, resolve(host, request.path));
  return facts;
}

Replied answer(State& state, Host& host, const node::WriteFile& request) {
  note_exposed_secret(state, host, request);
  Entry entry;
  entry.content = request.content.bytes;
  entry.mode = request.mode;
  entry.uid = request.uid;
  entry.gid = request.gid;
  entry.mtime_ns = std::chrono::nanoseconds{state.now}.count();
  TRY(write_file(host, request.path, std::move(entry)));
  return Done{};
}

Replied answer(State&, Host& host, const node::RenameFile& request) {
  const auto* from = find(host, request.from);
  if (from == nullptr) return Done{};
  if (from->directory) return fail(ErrorKind::refused, request.from + " is not a file");
  if (find(host, request.to) != nullptr)
    return fail(ErrorKind::refused, request.to + " is there already, and is another file than " + request.from);
  TRY(write_file(host, request.to, *from));
  auto place = resolve(host, request.from);
  edit(place).files.erase(place.inner);
  return Done{};
}

Replied answer(State&, Host& host, const node::MakeDirectory& request) {
  TRY(make_directory(host, request.path, request.mode, request.uid, request.gid));
  return Done{};
}

Replied answer(State&, Host& host, const node::RemovePaths& request) {
  for (const auto* list : {&request.files, &request.emptied_dirs}) {
    for (const auto& name : *list) {
      if (name.empty() || name.starts_with('/') || name.find("..") != std::string::npos)
        return fail(ErrorKind::refused, "not a path below " + request.root + ": " + name);
    }
  }
  auto place = resolve(host, request.root);
  if (find(host, request.root) == nullptr) return no_such(request.root);
  if (is_read_only(place)) return fail(ErrorKind::failed, request.root + ": Read-only file system");
  auto& tree = edit(place);
  for (const auto& name : request.files) {
    auto it = tree.files.find(inner_join(place.inner, name));
    if (it == tree.files.end()) continue;
    if (it->second.directory) return fail(ErrorKind::failed, request.root + "/" + name + ": Is a directory");
    tree.files.erase(it);
  }
  for (const auto& name : request.emptied_dirs) remove_below(tree, inner_join(place.inner, name));
  return Done{};
}

Replied answer(State&, Host& host, const node::RemoveDirectory& request) {
  const auto* entry = find(host, request.path);
  if (entry == nullptr) return Done{};
  if (!entry->directory) return fail(ErrorKind::failed, request.path + ": Not a directory");
  if (is_mount_point(host, request.path)) return fail(ErrorKind::refused, request.path + " is a mount point");
  if (has_mount_below(host, request.path))
    return fail(ErrorKind::refused, request.path + ": a file system is mounted below it");
  auto place = resolve(host, request.path);
  auto& tree = edit(place);
  for (const auto* list : {&request.contents, &request.mount_points})
    for (const auto& name : *list)
      if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
        return fail(ErrorKind::invalid, "not a name in " + request.path + ": " + name);
  const auto remove_if_empty = [&](const std::string& inner) {
    if (children(tree, inner).empty()) tree.files.erase(inner);
  };
  for (const auto& name : request.contents) {
    remove_below(tree, inner_join(place.inner, name));
    tree.files.erase(inner_join(place.inner, name));
  }
  for (const auto& name : request.mount_points) remove_if_empty(inner_join(place.inner, name));
  remove_if_empty(place.inner);
  return Done{};
}

Replied answer(State&, Host& host, const node::InstallWalClient& request) {
  Entry program;
  program.content = wal_client;
  program.mode = 0755;
  TRY(write_file(host, request.directory + "/dugong-wal", std::move(program)));
  return Done{};
}

Replied answer(State&, Host& host, const node::DigestFile& request) {
  node::DigestFile::Answer facts;
  const auto* entry = find(host, request.path);
  if (entry == nullptr || entry->directory) return facts;
  facts.exists = true;
  facts.size = entry->virtual_size != 0 ? entry->virtual_size : entry->content.size();
  facts.sha256 = digest(entry->content);
  return facts;
}

Replied answer(State&, Host& host, const node::InspectData& request) {
  postgres::DataFacts facts;
  const auto* root = find(host, request.data);
  if (root == nullptr || !root->directory) return facts;
  auto place = resolve(host, request.data);
  const auto& tree = look(place);
  facts.exists = true;
  facts.uid = root->uid;
  facts.gid = root->gid;
  facts.entries = children(tree, place.inner);
  facts.empty = facts.entries.empty();
  facts.slots = children(tree, inner_join(place.inner, "pg_replslot"));
  const auto archiving = children(tree, inner_join(place.inner, "pg_wal/archive_status"));
  facts.archive_status_entries = archiving.size();
  facts.unarchived = static_cast<std::uint64_t>(
      std::ranges::count_if(archiving, [](const std::string& name) { return name.ends_with(".ready"); }));
  for (const auto& name : postgres::watched_files()) {
    auto it = tree.files.find(inner_join(place.inner, name));
    if (it == tree.files.end() || it->second.directory) continue;
    facts.files[name] = it->second.content;
    if (postgres::is_reloaded(name)) facts.conf_modified_ns = std::max(facts.conf_modified_ns, it->second.mtime_ns);
  }
  postgres::add_included(
      facts.files, {.read = [&](const std::string& name) -> std::optional<std::string> {
                      auto it = tree.files.find(inner_join(place.inner, name));
                      if (it == tree.files.end() || it->second.directory) return std::nullopt;
                      return it->second.content;
                    },
                    .list = [&](const std::string& name) { return children(tree, inner_join(place.inner, name)); }});
  for (const auto& [path, entry] : tree.files)
    if (!entry.link.empty() && path_below(path, place.inner)) facts.links[below(path, place.inner)] = entry.link;
  auto version = tree.files.find(inner_join(place.inner, "PG_VERSION"));
  if (version != tree.files.end()) facts.version = std::string{trim(version->second.content)};
  auto cluster = tree.clusters.find(place.inner);
  if (cluster != tree.clusters.end()) facts.control = cluster->second.control;
  if (!facts.control) facts.control_error = "global/pg_control: No such file or directory";
  touch(host, place);
  return facts;
}

}  // namespace dugong::sim
