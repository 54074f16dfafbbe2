#include "node/install_script.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "base/text.h"

namespace dugong::node {
namespace {

constexpr std::size_t largest_answer = 1 << 20;

// ASCII, and nothing in it depends on who runs it or for what.
constexpr std::string_view script = R"sh(
LC_ALL=C; export LC_ALL
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH
umask 077
set -f
run=${DUGONG_RUN_DIR:-/run/dugong}
staged= made= keeps= news= why= locked= keys=
clean() {
  for f in $staged; do rm -f "$f"; done
  [ -z "$keys" ] || rm -f "$keys"
  for d in $made; do rmdir "$d" 2>/dev/null; done
}
trap clean EXIT
trap 'exit 1' HUP INT TERM PIPE
ok() { printf 'ok %d\n%s\n' "${#1}" "$1"; }
no() { printf 'no %d\n%s\n' "${#1}" "$1"; }
give_up() { no "$1"; exit 1; }
is_systemd() { [ -d /run/systemd/system ]; }
identity() {
  boot=no
  is_systemd && systemctl is-enabled --quiet dugong-boot.service 2>/dev/null && boot=yes
  ok "uid=$(id -u)
user=$(id -un)
machine=$(uname -m)
systemd=$(is_systemd && echo yes || echo no)
boot=$boot
system=$(. /etc/os-release 2>/dev/null; printf '%s' "$PRETTY_NAME")"
}
file() {
  if [ -L "$1" ]; then ok other
  elif [ ! -e "$1" ]; then ok missing
  elif [ ! -f "$1" ]; then ok other
  else
    s=$(sha256sum < "$1" 2>&1) || { no "$s"; return; }
    ok "file $(stat -c '%a %u' "$1") ${s%% *}"
  fi
}
read_text() {
  t=$(head -c 262144 "$1" 2>&1) && ok "$t" || no "$t"
}
certificates() {
  ok "$(sed -n '/^-----BEGIN CERTIFICATE-----$/,/^-----END CERTIFICATE-----$/p' "$1" 2>/dev/null | head -c 65536)"
}
list() { ok "$(ls -1 "$1" 2>/dev/null | head -c 65536)"; }
run_version() {
  t=$(timeout 20 "$1" --version 2>&1 < /dev/null); s=$?
  ok "$s
$t"
}
held() {
  t=
  set +f
  for f in "$run"/*.lock; do
    [ -s "$f" ] || continue
    grep -q "FLOCK.*:$(stat -c %i "$f") 0 EOF" /proc/locks && t="$t$(head -c 300 "$f")
"
  done
  set -f
  ok "$t"
}
lock() {
  [ -z "$locked" ] || return 0
  why=$(mkdir -p -m 755 "$run" 2>&1) || return 1
  exec 9>> "$run/install.flock"
  flock -n 9 || { why='another installation is at work there'; return 1; }
  locked=yes
}
make_dir() {
  [ -z "$1" ] && return 0
  [ -d "$1" ] && return 0
  make_dir "${1%/*}" || return 1
  why=$(mkdir -m 755 "$1" 2>&1) || return 1
  made="$1 $made"
}
stage() {
  lock || give_up "$why"
  make_dir "${1%/*}" || give_up "$why"
  n=${1%/*}/.dugong-install-${1##*/}
  why=$(rm -f "$n" 2>&1) || give_up "$why"
  staged="$staged $n"
  why=$(head -c "$3" 2>&1 > "$n") || give_up "$why"
  why=$(sha256sum < "$n" 2>&1)
  [ "${why%% *}" = "$4" ] || give_up "$1 did not arrive whole: $(stat -c %s "$n") of $3 bytes"
  why=$(chmod "$2" "$n" 2>&1 && sync "$n" 2>&1) || give_up "$why"
  ok ''
}
staged_of() { printf '%s' "${1%/*}/.dugong-install-${1##*/}"; }
# A file that came to be since the look is not ours to replace.
put_in_place() {
  case " $news " in
    *" $2 "*) ln -T "$1" "$2" && rm -f "$1" ;;
    *) mv -fT "$1" "$2" ;;
  esac
}
commit() {
  for n in $news; do
    if [ -e "$n" ] || [ -L "$n" ]; then give_up "$n changed since it was looked at; nothing was put"; fi
  done
  for k in $keeps; do
    why=$(ln -f "${k%%:*}" "${k#*:}" 2>&1) || give_up "$why"
  done
  t=
  for f in $staged; do
    n=${f%/*}/${f##*/.dugong-install-}
    why=$(put_in_place "$f" "$n" 2>&1) || give_up "$why${t:+; put before it: $t}"
    t="$t${t:+, }$n"
  done
  for f in $staged; do sync "${f%/*}"; done
  staged= made= keeps= news=
  ok ''
}
delete() {
  lock || give_up "$why"
  why=$(rm -f "$1" 2>&1) && ok '' || give_up "$why"
}
remove_dir() {
  if [ -d "$1" ]; then why=$(rmdir "$1" 2>&1) || { no "$why"; return; }; fi
  ok ''
}
keys_file() {
  k=$HOME/.ssh/authorized_keys
  if [ -L "$HOME/.ssh" ] || [ -L "$k" ]; then why="$k is reached through a symbolic link"; return 1; fi
  if [ -e "$k" ] && [ ! -f "$k" ]; then why="$k is not a file"; return 1; fi
}
read_keys() {
  keys_file || { no "$why"; return; }
  if [ -e "$k" ]; then read_text "$k"; else ok ''; fi
}
write_keys() {
  why=$(sync "$k.dugong-install" 2>&1 && mv -fT "$k.dugong-install" "$k" 2>&1) && ok '' || give_up "$why"
}
copy_keys() {
  keys_file || give_up "$why"
  keys=$k.dugong-install
  why=$(rm -f "$k.dugong-install" 2>&1) || give_up "$why"
  if [ -e "$k" ]; then why=$(cp -p "$k" "$k.dugong-install" 2>&1) || give_up "$why"; fi
}
add_key() {
  l=$(head -c "$1")
  [ -d "$HOME/.ssh" ] || why=$(mkdir -m 700 "$HOME/.ssh" 2>&1) || give_up "$why"
  copy_keys
  if [ -e "$k" ] && grep -qxF -e "$l" "$k"; then ok ''; return; fi
  if [ -s "$k" ] && [ -n "$(tail -c 1 "$k")" ]; then echo >> "$k.dugong-install" || give_up 'the key could not be written'; fi
  why=$(printf '%s\n' "$l" 2>&1 >> "$k.dugong-install") || give_up "$why"
  write_keys
}
drop_key() {
  l=$(head -c "$1")
  keys_file || give_up "$why"
  [ -e "$k" ] || { ok ''; return; }
  copy_keys
  why=$(grep -vxF -e "$l" "$k" 2>&1 > "$k.dugong-install")
  [ $? -le 1 ] || give_up "$why"
  write_keys
}
boot() {
  is_systemd || { ok 'no systemd'; return; }
  why=$(systemctl daemon-reload 2>&1) || { no "$why"; return; }
  if [ "$1" = reload ]; then ok ''; return; fi
  why=$(systemctl "$1" dugong-boot.service 2>&1) && ok '' || no "$why"
}
{
printf 'dugong-install 1\n'
while read -r verb a b c d; do
  case $verb in
    identity) identity ;;
    file) file "$a" ;;
    read) read_text "$a" ;;
    certificates) certificates "$a" ;;
    list) list "$a" ;;
    run) run_version "$a" ;;
    held) held ;;
    stage) stage "$a" "$b" "$c" "$d" ;;
    try) run_version "$(staged_of "$a")" ;;
    keep) keeps="$keeps $a:$b"; ok '' ;;
    new) news="$news $a"; ok '' ;;
    commit) commit ;;
    delete) delete "$a" ;;
    remove_dir) remove_dir "$a" ;;
    keys) read_keys ;;
    add_key) add_key "$a" ;;
    drop_key) drop_key "$a" ;;
    boot) boot "$a" ;;
    *) give_up "unknown request" ;;
  esac
done
exit 0
}
)sh";

template <class Number>
std::optional<Number> number_in(std::string_view text, int base = 10) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

tl::unexpected<Error> garbage(std::string_view what, std::string_view text) {
  return fail(ErrorKind::unreachable,
              fmt::format("{} that makes no sense came back: \"{}\"", what, printable(shorten(text, 200))));
}

}  // namespace

std::string_view install_script() { return script; }

Result<> check_install_path(std::string_view path) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-' || c == '/';
  };
  const auto parts = split(path, '/');
  const bool climbs = std::ranges::find(parts, std::string_view{".."}) != parts.end();
  if (path.starts_with('/') && std::ranges::all_of(path, plain) && !climbs) return {};
  return fail(ErrorKind::invalid, fmt::format("\"{}\" is not a path that can be installed to", printable(path)));
}

Result<std::string> request_line(const std::vector<std::string>& words) {
  for (const auto& word : words) {
    const bool bad = word.empty() || word.find('\\') != std::string::npos ||
                     std::ranges::any_of(word, [](char c) { return c <= ' ' || c > '~'; });
    if (bad) return fail(ErrorKind::invalid, fmt::format("\"{}\" cannot be a word of a request", printable(word)));
  }
  return join(words, " ") + "\n";
}

Result<AnswerHead> parse_answer_head(std::string_view line) {
  AnswerHead head;
  head.ok = line.starts_with("ok ");
  if (!head.ok && !line.starts_with("no ")) return garbage("an answer", line);
  const auto size = number_in<std::size_t>(line.substr(3));
  if (!size || *size > largest_answer) return garbage("an answer", line);
  head.size = *size;
  return head;
}

Result<HostIdentity> parse_identity(std::string_view body) {
  HostIdentity identity;
  bool has_uid = false;
  for (const auto line : lines(body)) {
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) return garbage("an identity", line);
    const auto key = line.substr(0, equals);
    const auto value = line.substr(equals + 1);
    if (key == "uid") {
      const auto uid = number_in<std::uint32_t>(value);
      if (!uid) return garbage("an identity", line);
      identity.uid = *uid;
      has_uid = true;
    }
    if (key == "user") identity.user = value;
    if (key == "machine") identity.machine = value;
    if (key == "system") identity.system = value;
    if (key == "systemd") identity.systemd = value == "yes";
    if (key == "boot") identity.boot_enabled = value == "yes";
  }
  if (!has_uid || identity.machine.empty()) return garbage("an identity", body);
  return identity;
}

Result<InstalledFile> parse_installed(std::string_view body) {
  if (body == "missing") return InstalledFile{};
  if (body == "other") return InstalledFile{InstalledKind::other, 0, 0, {}};
  const auto parts = split(body, ' ');
  if (parts.size() != 4 || parts[0] != "file" || parts[3].size() != 64) return garbage("a look at a file", body);
  const auto mode = number_in<std::uint32_t>(parts[1], 8);
  const auto uid = number_in<std::uint32_t>(parts[2]);
  if (!mode || !uid) return garbage("a look at a file", body);
  return InstalledFile{InstalledKind::file, *mode, *uid, std::string{parts[3]}};
}

Result<Ran> parse_ran(std::string_view body) {
  const auto end = body.find('\n');
  const auto status = number_in<int>(body.substr(0, end));
  if (!status) return garbage("an exit status", body);
  return Ran{*status, end == std::string_view::npos ? std::string{} : std::string{trim(body.substr(end + 1))}};
}

}  // namespace dugong::node
