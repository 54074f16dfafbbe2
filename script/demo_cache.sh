# Whose the node image is: its cache serves every lab. What script/demo found there when it came stays; what came since
# is the demo's, and goes when no lab is left that may use it. Sourced, never run.

found=.before-demo # in the cache: the names of what was there. Whoever takes the cache away takes it away too.

# remember_cache CACHE: the first call counts, until forget_cache.
remember_cache() {
  [ ! -e "$1/$found" ] || return 0
  mkdir -p "$1"
  ls "$1" > "$1/$found.part"
  mv "$1/$found.part" "$1/$found"
}

# forget_cache CACHE LABS: LABS is the directory of all labs.
forget_cache() {
  local cache=$1 labs=$2 entry
  [ -e "$cache/$found" ] || return 0
  if [ -n "$(ls -A "$labs" 2> /dev/null)" ]; then
    say "the node image in $cache stays: other labs may use it. Once they are gone, run this again"
    return 0
  fi
  for entry in "$cache"/*; do
    grep -qxFe "${entry##*/}" "$cache/$found" || rm -rf --one-file-system "$entry"
  done
  rm -f "$cache/$found"
  rmdir --ignore-fail-on-non-empty "$cache"
}
