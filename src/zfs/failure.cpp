// What a failed zfs command means. zfs has no machine-readable errors: exit code 1 is everything, so the words decide.
// They come from libzfs (libzfs_util.c: libzfs_error_description, zfs_standard_error_fmt; libzfs_sendrecv.c:
// zfs_receive_one; cmd/zfs/zfs_main.c) and from runs of zfs-fuse 0.7. Every fragment has a space in it, so no dataset
// name can match one.
#include <array>

#include "base/text.h"
#include "zfs/commands.h"

namespace dugong::zfs {
namespace {

struct Meaning {
  std::string_view words;
  ErrorKind kind;
  std::string_view next;
};

constexpr std::string_view observe = "the datasets changed meanwhile; run the same command again";
constexpr std::string_view not_imported = "look at `zpool list` and `zpool import`";
constexpr std::string_view in_use =
    "find what holds it: `zfs get userrefs` and `zfs holds` for a snapshot, `fuser -vm MOUNTPOINT` for a mounted "
    "dataset";
constexpr std::string_view newer =
    "see what is newer and whose it is, `zfs list -t all -r DATASET`; then run the same command again";
constexpr std::string_view more_room = "free space in the pool or raise the quota: `zfs list -o space -r POOL`";
constexpr std::string_view load_key =
    "load the key, as root: `zfs load-key -a`; at boot something has to do that first";
constexpr std::string_view as_root = "run as root, or give the user sudo";

// First match wins: the more telling words stand above the more general ones.
constexpr std::array meanings = {
    Meaning{"failed to initialize ZFS library", ErrorKind::failed,
            "run as root, and see that the ZFS module or daemon runs"},
    Meaning{"ZFS modules are not loaded", ErrorKind::failed, "load the module: modprobe zfs"},
    Meaning{"ZFS modules cannot be auto-loaded", ErrorKind::failed, "load the module: modprobe zfs"},
    Meaning{"I/O is currently suspended", ErrorKind::failed, "the pool lost its disks: look at `zpool status`"},
    Meaning{"dependent clones", ErrorKind::refused, "destroy or promote the clones first: `zfs get -r origin POOL`"},
    Meaning{"snapshot is cloned", ErrorKind::refused, "destroy or promote the clones first: `zfs get -r origin POOL`"},
    Meaning{"has children", ErrorKind::refused,
            "deal with what is below it one by one; dugong never destroys recursively"},
    Meaning{"more recent snapshots", ErrorKind::refused, newer},
    Meaning{"snapshot or bookmark more recent", ErrorKind::refused, newer},
    Meaning{"partially-complete state", ErrorKind::refused,
            "give up the interrupted receive: `zfs receive -A DATASET`"},
    Meaning{"must be destroyed or renamed", ErrorKind::refused, in_use},
    Meaning{" is busy", ErrorKind::refused, in_use},
    Meaning{"it's being held", ErrorKind::refused, in_use},  // a snapshot, since OpenZFS 2.2
    Meaning{"umount failed", ErrorKind::refused, in_use},
    Meaning{"unmount failed", ErrorKind::refused, in_use},
    Meaning{"directory is not empty", ErrorKind::refused, "look into the mount point; empty it or choose another one"},
    Meaning{"out of space", ErrorKind::refused, more_room},
    Meaning{"space quota exceeded", ErrorKind::refused, more_room},
    Meaning{"No space left", ErrorKind::refused, more_room},
    Meaning{"size is greater than available space", ErrorKind::refused, more_room},
    Meaning{"size is less than current used", ErrorKind::refused, more_room},
    Meaning{"ermission denied", ErrorKind::refused, as_root},
    Meaning{"may only be mounted by root", ErrorKind::refused, as_root},
    Meaning{"pool is read-only", ErrorKind::refused, "the pool was imported read-only: export and import it again"},
    Meaning{"key must be loaded", ErrorKind::refused, load_key},
    Meaning{"key not loaded", ErrorKind::refused, load_key},
    Meaning{"no such pool", ErrorKind::conflict, not_imported},
    Meaning{"does not exist", ErrorKind::conflict, observe},
    Meaning{"no longer exists", ErrorKind::conflict, observe},
    Meaning{"could not be found", ErrorKind::conflict, observe},
    Meaning{"is not found among", ErrorKind::conflict, observe},
    Meaning{" already exists", ErrorKind::conflict, observe},
    Meaning{"dataset exists", ErrorKind::conflict, observe},
    Meaning{"' exists", ErrorKind::conflict, observe},
    Meaning{"has snapshots", ErrorKind::conflict, observe},
    Meaning{"no such tag", ErrorKind::conflict, observe},
    Meaning{"already mounted", ErrorKind::conflict, observe},
    Meaning{"not currently mounted", ErrorKind::conflict, observe},
    Meaning{"match incremental source", ErrorKind::conflict, observe},
    Meaning{"has been modified", ErrorKind::conflict, observe},
    Meaning{"not an earlier snapshot", ErrorKind::conflict, observe},
};

// zfs advises -r, -R and -F; following that advice is how databases are lost.
bool is_advice(std::string_view line) {
  return line.starts_with("use '-r'") || line.starts_with("use '-R'") || line.starts_with("must specify -F") ||
         line.starts_with("must destroy them");
}

std::string words_of(std::string_view stderr_text) {
  std::vector<std::string> kept;
  for (auto line : lines(stderr_text)) {
    line = trim(line);
    if (line.starts_with("usage:")) break;
    if (!line.empty() && !is_advice(line)) kept.push_back(printable(line));
  }
  return shorten(join(kept, "; "), 1000);
}

// The last word of a command names what it is about; the ones that only ask for a version have an option there.
std::string subject_of(const Argv& argv) {
  return argv.size() > 2 && !argv.back().starts_with('-') ? argv.back() : std::string{};
}

std::string command_of(const Argv& argv) {
  std::string command = argv.empty() ? "zfs" : argv[0];
  return argv.size() < 2 ? command : command + " " + argv[1];
}

}  // namespace

Error judge_failure(const Argv& argv, int exit_code, std::string_view stderr_text) {
  Error error;
  auto words = words_of(stderr_text);
  error.what = command_of(argv) + ": " + (words.empty() ? "exit code " + std::to_string(exit_code) : words);
  error.where = subject_of(argv);
  for (const auto& meaning : meanings) {
    if (stderr_text.find(meaning.words) == std::string_view::npos) continue;
    error.kind = meaning.kind;
    error.next = meaning.next;
    break;
  }
  return error;
}

bool says_absent(std::string_view root, std::string_view stderr_text) {
  auto words = "cannot open '" + std::string{root} + "': dataset does not exist";
  auto pool = "cannot open '" + std::string{root} + "': no such pool";
  return stderr_text.find(words) != std::string_view::npos || stderr_text.find(pool) != std::string_view::npos;
}

}  // namespace dugong::zfs
