# What the scripts in this directory share: one way to speak, one way to ask dpkg.
# Sourced, never run.

say()  { printf '%s\n' "$*"; }
die()  { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# debian_release: the major version, 12 or 13; testing and derivatives without a number count as the newest known.
debian_release() {
  local id="" version=""
  [ -r /etc/os-release ] && . /etc/os-release && id=${ID:-} version=${VERSION_ID:-}
  [ "$id" = debian ] || say "note: not Debian but '$id'; package names are those of Debian" >&2
  printf '%s\n' "${version:-13}"
}

# missing_packages NAME...: those that dpkg does not hold installed, one a line.
missing_packages() {
  local installed
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null | sed -n 's/ installed$//p')
  printf '%s\n' "$@" | grep -vxF -e "${installed:-/none/}" || true
}
