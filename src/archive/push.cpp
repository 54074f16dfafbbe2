// Read once, checked, staged, linked. The bytes that were checked are the bytes that are archived, because the source
// is read into memory and not opened a second time.
#include "archive/push.h"

#include "base/text.h"
#include "os/clock.h"
#include "os/files.h"

namespace dugong::archive {
namespace {

constexpr Bytes largest_segment = Bytes{1} << 30;  // initdb --wal-segsize

Result<SystemId> read_identity(const std::string& archive) {
  const auto path = archive + "/" + std::string{identity_file};
  const auto content = TRY(os::read_file(path, 64));
  if (content.stat.kind == os::FileKind::missing)
    return fail(ErrorKind::refused, path + " is missing: the archive is not mounted, or not prepared yet",
                "dugong status");
  const auto id = parse_u64(trim(content.bytes));
  if (!id || *id == 0) return fail(ErrorKind::refused, path + " holds no system identifier", "dugong up");
  return SystemId{*id};
}

Result<std::string> read_source(const std::string& source) {
  auto content = TRY(os::read_file(source, largest_segment));
  if (content.stat.kind == os::FileKind::missing) return fail(ErrorKind::failed, source + " does not exist");
  if (content.bytes.size() != content.stat.size)
    return fail(ErrorKind::refused, source + " has " + std::to_string(content.stat.size) + " bytes, of which " +
                                        std::to_string(content.bytes.size()) + " were read");
  return std::move(content.bytes);
}

// A file that was found under the name in question.
Result<Pushed> compare(const std::string& archived, std::string_view bytes, const std::string& source) {
  const auto stat = TRY(os::stat_file(archived));
  if (stat.kind == os::FileKind::file && stat.size == bytes.size()) {
    const auto there = TRY(os::read_file(archived, largest_segment));
    if (there.bytes == bytes) return Pushed::already_there;
  }
  return fail(ErrorKind::refused,
              archived + " is archived already and differs from " + source +
                  ": two servers archive here, or one was restored to an earlier state",
              "dugong status");
}

// Private to this process, so that a second push of the same name cannot put other bytes under our feet; if it clears
// the directory meanwhile, our link() fails and PostgreSQL asks again.
class Staged {
 public:
  static Result<Staged> make(const std::string& archive, const std::string& name, std::string_view bytes) {
    const auto directory = archive + "/" + std::string{staging_directory};
    const auto stat = TRY(os::stat_file(directory));
    if (stat.kind == os::FileKind::missing) {
      // Below the archive only: the directories above it may let us through without letting us look.
      TRY(os::make_directories({archive, directory}, {.mode = 0700, .uid = {}, .gid = {}}));
    } else {
      TRY(os::remove_contents(directory));
    }
    Staged staged{directory + "/" + name + "." + os::random_token(8)};
    TRY(os::write_new_file(staged.path_, bytes, {.mode = 0640, .uid = {}, .gid = {}}));
    return staged;
  }
  Staged(Staged&& other) noexcept : path_{std::exchange(other.path_, {})} {}
  Staged& operator=(Staged&&) = delete;
  ~Staged() {
    // What stays behind is cleared by the next push.
    if (!path_.empty()) (void)os::remove_file(path_);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit Staged(std::string path) : path_{std::move(path)} {}
  std::string path_;
};

Result<Pushed> store(const Push& request, const std::string& target, std::string_view bytes) {
  const auto staged = TRY(Staged::make(request.archive, request.name, bytes));
  const auto linked = TRY(os::link_file(staged.path(), target));
  if (linked == os::Linked::existed) return compare(target, bytes, request.source);
  return Pushed::stored;
}

}  // namespace

Result<Pushed> push(const Push& request) {
  const auto name = TRY(postgres::parse_wal_file_name(request.name));
  const auto identity = TRY(read_identity(request.archive));
  const auto bytes = TRY(read_source(request.source));
  if (auto checked = check_content(name, bytes, identity); !checked)
    return fail(std::move(checked).error().at(request.source + " as " + request.name));
  const auto target = request.archive + "/" + request.name;
  const auto there = TRY(os::stat_file(target));
  const auto pushed = there.kind == os::FileKind::missing ? TRY(store(request, target, bytes))
                                                          : TRY(compare(target, bytes, request.source));
  // The push that made it may have been killed before its name was on disk.
  if (pushed == Pushed::already_there) TRY(os::sync_directory(request.archive));
  return pushed;
}

}  // namespace dugong::archive
