// Commands as argument vectors. Every word is measured on zfs-fuse 0.7 and OpenZFS: no lists of names, one property per
// `zfs set` ("cannot open 'dugong:b=2': invalid dataset name" there), no options that only one of the two knows unless
// the pool's capabilities say so.
#include <array>

#include "base/text.h"
#include "zfs/commands.h"
#include "zfs/marks.h"

namespace dugong::zfs {
namespace {

constexpr std::array<std::string_view, 4> encryption_properties = {"encryption", "encryptionroot", "keylocation",
                                                                   "keystatus"};

void add_options(Argv& argv, const Properties& properties) {
  for (const auto& [name, value] : properties) {
    argv.emplace_back("-o");
    argv.push_back(name + "=" + value);
  }
}

Argv list_tree(const std::string& root, bool openzfs) {
  std::vector<std::string> names;
  // Hidden in `get all`, answered by name on both.
  for (auto name :
       {"type", "guid", "createtxg", "used", "referenced", "available", "userrefs", "creation", "origin", "mounted",
        "compressratio", "usedbydataset", "usedbysnapshots", "usedbychildren", "usedbyrefreservation"}) {
    names.emplace_back(name);
  }
  for (auto name : known_properties()) names.emplace_back(name);
  if (openzfs) {
    for (auto name : openzfs_properties()) names.emplace_back(name);
    names.emplace_back("logicalreferenced");
    names.emplace_back("receive_resume_token");
    names.emplace_back("clones");
    names.emplace_back("written");
    for (auto name : encryption_properties) names.emplace_back(name);
  }
  for (auto mark : marks::all) names.push_back(property_name(mark));
  return {"zfs", "get", "-Hp", "-r", "-o", "name,property,value,source", join(names, ","), root};
}

}  // namespace

std::string property_name(std::string_view mark) { return std::string{marks::prefix} + std::string{mark}; }

const std::vector<std::string_view>& known_properties() {
  static const std::vector<std::string_view> names = {"mountpoint",
                                                      "canmount",
                                                      "readonly",
                                                      "atime",
                                                      "recordsize",
                                                      "compression",
                                                      "checksum",
                                                      "xattr",
                                                      "primarycache",
                                                      "logbias",
                                                      "quota",
                                                      "refquota",
                                                      "reservation",
                                                      "refreservation",
                                                      "exec",
                                                      "setuid",
                                                      "devices",
                                                      "snapdir",
                                                      "com.sun:auto-snapshot"};
  return names;
}

const std::vector<std::string_view>& openzfs_properties() {
  static const std::vector<std::string_view> names = {"sync", "redundant_metadata", "dnodesize"};
  return names;
}

const std::vector<std::string_view>& shown_properties() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all = {"recordsize", "compression",    "atime", "logbias",
                                         "quota",      "refreservation", "sync"};
    all.insert(all.end(), encryption_properties.begin(), encryption_properties.end());
    return all;
  }();
  return names;
}

Argv render(const ListTree& command) { return list_tree(command.root, false); }
Argv render(const ListTree& command, const Pool& capabilities) {
  return list_tree(command.root, capabilities.can_receive_unmounted);
}

Argv render(const Create& command) {
  Argv argv = {"zfs", "create"};
  add_options(argv, command.properties);
  argv.push_back(command.dataset);
  return argv;
}

Argv render(const Snapshot& command) {
  Argv argv = {"zfs", "snapshot"};
  if (command.recursive) argv.emplace_back("-r");
  add_options(argv, command.properties);
  argv.push_back(command.snapshot);
  return argv;
}

Argv render(const Clone& command) {
  Argv argv = {"zfs", "clone"};
  add_options(argv, command.properties);
  argv.push_back(command.snapshot);
  argv.push_back(command.dataset);
  return argv;
}

Argv render(const Destroy& command) { return {"zfs", "destroy", command.dataset}; }
Argv render(const DestroySnapshot& command) { return {"zfs", "destroy", command.snapshot}; }
Argv render(const Rollback& command) { return {"zfs", "rollback", command.snapshot}; }
Argv render(const Hold& command) { return {"zfs", "hold", command.tag, command.snapshot}; }
Argv render(const Release& command) { return {"zfs", "release", command.tag, command.snapshot}; }
// A received dataset holds what its sender put in it; a database needs neither. The options go before the properties'
// (libzfs_mount.c: zfs_add_option). On zfs-fuse they are the only way: it mounts with "suid,dev" whatever the
// properties say, and puts these behind it (zfs-fuse/util.c: do_mount).
Argv render(const Mount& command) { return {"zfs", "mount", "-o", "nosuid,nodev", command.dataset}; }
Argv render(const Unmount& command) { return {"zfs", "unmount", command.dataset}; }

std::vector<Argv> render(const SetProperties& command) {
  std::vector<Argv> commands;
  for (const auto& [name, value] : command.properties)
    commands.push_back({"zfs", "set", name + "=" + value, command.name});
  return commands;
}

// Without -r: what lies below keeps its own.
std::vector<Argv> render(const ClearMarks& command) {
  std::vector<Argv> commands;
  for (const auto& mark : command.marks) commands.push_back({"zfs", "inherit", mark, command.name});
  return commands;
}

// -L and -c belong together (without -L, records above 128K travel uncompressed: zfs-send(8)) and never change within a
// lineage, so they are not a choice. -e is left out: a stream with embedded blocks is refused below an encrypted
// dataset (libzfs_sendrecv.c: zfs_receive_one, "incompatible embedded data stream feature").
Argv render(const Send& command, const Pool& capabilities) {
  Argv argv = {"zfs", "send"};
  if (capabilities.can_receive_unmounted && !command.for_v23) argv.insert(argv.end(), {"-L", "-c"});
  if (!command.from.empty()) argv.insert(argv.end(), {"-i", command.from});
  argv.push_back(command.snapshot);
  return argv;
}

Argv render(const Receive& command, const Pool& capabilities) {
  // zfs-fuse has -u too, though its usage does not tell (zfs_main.c: zfs_do_receive); without it the dataset would be
  // mounted where its parent's mountpoint says.
  Argv argv = {"zfs", "receive", "-u"};
  // Local values win over what a stream may bring.
  if (capabilities.can_receive_unmounted) argv.insert(argv.end(), {"-o", "canmount=noauto", "-o", "mountpoint=none"});
  argv.push_back(command.dataset);
  return argv;
}

Argv render_pool_list(std::string_view pool) {
  return {"zpool", "list", "-H", "-o", "name,size,free,health", std::string{pool}};
}
Argv render_cluster_mark(std::string_view dataset) {
  return {"zfs", "get", "-H", "-o", "value,source", property_name(marks::cluster), std::string{dataset}};
}

bool says_marked(std::string_view output) {
  const auto fields = split(trim(output), '\t');
  return fields.size() == 2 && fields[0] != "-" && (fields[1] == "local" || fields[1].starts_with("inherited from "));
}

Argv render_pool_use(std::string_view pool) {
  return {"zfs", "get", "-Hp", "-o", "property,value", "used,available", std::string{pool}};
}
Argv render_version() { return {"zfs", "version"}; }
Argv render_old_version() { return {"zpool", "upgrade", "-v"}; }

}  // namespace dugong::zfs
