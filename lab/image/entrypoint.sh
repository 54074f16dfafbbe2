#!/bin/bash
# The container's first process. It behaves as the official PostgreSQL images do towards whoever starts
# it: an empty PGDATA is initialised from POSTGRES_* variables, a filled one is served as it is.
set -Eeuo pipefail

say() { printf 'entrypoint: %s\n' "$*"; }
die() { printf 'entrypoint: %s\n' "$*" >&2; exit 1; }

# setting NAME DEFAULT: the variable NAME from the environment, or the content of the file NAME_FILE.
setting() {
  local name=$1 file_name=$1_FILE value=${2:-}
  [ -z "${!name:-}" ] || [ -z "${!file_name:-}" ] || die "both $name and $file_name are set"
  if [ -n "${!name:-}" ]; then value=${!name}
  elif [ -n "${!file_name:-}" ]; then value=$(< "${!file_name}"); fi
  export "$name"="$value"
  unset "$file_name"
}

settings() {
  setting POSTGRES_PASSWORD
  setting POSTGRES_USER postgres
  setting POSTGRES_DB "$POSTGRES_USER"
  setting POSTGRES_INITDB_ARGS
  : "${POSTGRES_HOST_AUTH_METHOD:=}"
}

# Root only prepares directories; PostgreSQL refuses to run as root.
prepare_directories() {
  mkdir -p "$PGDATA" /var/run/postgresql
  chmod 3777 /var/run/postgresql || true
  [ "$(id -u)" = 0 ] || return 0
  find "$PGDATA" \! -user postgres -exec chown postgres:postgres '{}' +
  find /var/run/postgresql \! -user postgres -exec chown postgres:postgres '{}' +
}

become_postgres() {
  [ "$(id -u)" != 0 ] || exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$BASH_SOURCE" "$@"
}

refuse_without_password() {
  [ -n "$POSTGRES_PASSWORD" ] || [ "$POSTGRES_HOST_AUTH_METHOD" = trust ] ||
    die "the database is not initialised and there is no superuser password: set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE (POSTGRES_HOST_AUTH_METHOD=trust does without)"
}

# The password reaches initdb through a descriptor that lives as long as the command: no argument list
# and no file shows it. An empty one (trust) is not given at all: initdb refuses an empty file.
init_cluster() {
  local arguments=()
  eval "arguments=($POSTGRES_INITDB_ARGS)"
  if [ -z "$POSTGRES_PASSWORD" ]; then initdb --username="$POSTGRES_USER" "${arguments[@]}"
  else initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") "${arguments[@]}"; fi
}

allow_remote_logins() {
  local method=${POSTGRES_HOST_AUTH_METHOD:-$(postgres -C password_encryption)}
  [ "$method" != trust ] || printf '\n# trust: everybody may connect as anybody\n' >> "$PGDATA/pg_hba.conf"
  printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"
}

# During initialisation only the unix socket answers: nobody sees a half-made database.
start_temporary_server() {
  pg_ctl -D "$PGDATA" -w -o "$(printf '%q ' "$@" -c listen_addresses= -p "${PGPORT:-5432}")" start
}
stop_temporary_server() { pg_ctl -D "$PGDATA" -m fast -w stop; }

sql() { psql -v ON_ERROR_STOP=1 --no-password --no-psqlrc --username="$POSTGRES_USER" "$@"; }

create_database() {
  [ "$POSTGRES_DB" != postgres ] || return 0
  sql --dbname=postgres -v name="$POSTGRES_DB" <<< 'CREATE DATABASE :"name";'
}

run_init_scripts() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
      *.sql) sql --dbname="$POSTGRES_DB" -f "$file" ;;
      *.sql.gz) gunzip -c "$file" | sql --dbname="$POSTGRES_DB" ;;
    esac
  done
}

initialise() {
  refuse_without_password
  say "initialising $PGDATA"
  init_cluster
  allow_remote_logins
  export PGPASSWORD=$POSTGRES_PASSWORD
  start_temporary_server "$@"
  create_database
  run_init_scripts
  stop_temporary_server
  unset PGPASSWORD
  say "initialised, starting the server"
}

# wants_server ARGUMENT…: neither another program nor a question about the program.
wants_server() {
  local argument
  [ "${1:-}" = postgres ] || return 1
  for argument in "$@"; do
    case $argument in -'?'|--help|--describe-config|-V|--version) return 1 ;; esac
  done
}

main() {
  case ${1:-} in -*) set -- postgres "$@" ;; esac
  if wants_server "$@"; then
    settings
    prepare_directories
    become_postgres "$@"
    [ "$(stat -c %u "$PGDATA")" != "$(id -u)" ] || chmod 00700 "$PGDATA" || true
    if [ -s "$PGDATA/PG_VERSION" ]; then say "$PGDATA holds a database, initialisation skipped"
    else initialise "${@:2}"; fi
  fi
  exec "$@"
}

main "$@"
