// One WAL file into the archive directory, so that what is there is whole, right and never replaced.
//
// PostgreSQL calls `dugong-wal push %p ARCHIVE %f` as its archive_command and removes or recycles the segment once that
// answered 0 (pgarch.c: pgarch_archiveXlog). So 0 means: on stable storage under its name, or there already, byte by
// byte the same. A failure is answered with 1: above 125 the archiver takes it for its own shutdown, dies and is
// started again without counting the failure in pg_stat_archiver.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "postgres/wal.h"

namespace dugong::archive {

// In the archive directory: the decimal system identifier of the server that may archive there, and a newline; written
// by the node. While it is missing nothing is accepted: the directory of an unmounted archive is empty, and what was
// put there would vanish with the mount.
inline constexpr std::string_view identity_file = ".system_identifier";
// In the archive directory: files that are not complete yet. Whatever is found there is left from a killed push.
inline constexpr std::string_view staging_directory = ".push";

struct Push {
  std::string source;   // absolute
  std::string archive;  // absolute
  std::string name;     // of the file in the archive
};
enum class Pushed { stored, already_there };

// Errors: invalid (not a WAL file's name), refused (content that does not fit the name or the archive, another content
// archived under that name), failed (the system's words). The archive is as it was then.
Result<Pushed> push(const Push& request);

// Whether `content` may be archived under `name`: a segment by its header and size; a timeline history by its lines
// (timeline.c: readTimeLineHistory); a backup history by its first line (xlogbackup.c: build_backup_content).
Result<> check_content(const postgres::WalFileName& name, std::string_view content, SystemId expected);

}  // namespace dugong::archive
