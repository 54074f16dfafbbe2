#!/bin/bash
# Makes the file tree of the node image: Debian 13 with PostgreSQL 17 and TimescaleDB, as an official
# image lays it out, from Debian's packages only (a lab needs no registry).
# Slimmed while it is made: what dpkg never unpacks needs no cleaning. The entrypoint is not part of it, so
# that changing that one does not build all of this again.
#
#   build-root.sh ROOT MIRROR
set -euo pipefail
root=$1 mirror=$2
uid=1717 # its own number: a tool that assumes one fails here
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

in_root() { chroot "$root" "$@"; }

# As few mounts as apt needs; their absence afterwards is checked by rm --one-file-system of the caller.
mounted=""
mount_proc() { mount -t proc proc "$root/proc"; mounted=yes; }
unmount_proc() { [ -z "$mounted" ] || umount "$root/proc"; mounted=""; }
trap unmount_proc EXIT

base() {
  debootstrap --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg trixie "$root" "$mirror"
}

# Documentation, translations and the JIT compiler (200 MB with LLVM; PostgreSQL does without when its
# library is not there) are not unpacked from here on; no service is started.
slim_dpkg() {
  cat > "$root/etc/dpkg/dpkg.cfg.d/slim" <<'SLIM'
path-exclude /usr/share/doc/*
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/lib/*/libLLVM*
path-exclude /usr/lib/postgresql/*/lib/llvmjit*
path-exclude /usr/lib/postgresql/*/lib/bitcode/*
path-exclude /usr/share/lintian/*
SLIM
  printf 'force-unsafe-io\n' > "$root/etc/dpkg/dpkg.cfg.d/fast"
  printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
}

# The user first, so that the packages find it and no file has to change its owner later.
postgres_user() {
  in_root groupadd -g "$uid" postgres
  in_root useradd -u "$uid" -g "$uid" -d /var/lib/postgresql -s /bin/bash postgres
}

postgres_packages() {
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  mount_proc
  in_root apt-get -qy -o Dpkg::Use-Pty=0 install --no-install-recommends postgresql-common
  sed -i 's/^#*create_main_cluster.*/create_main_cluster = false/' "$root/etc/postgresql-common/createcluster.conf"
  in_root apt-get -qy -o Dpkg::Use-Pty=0 install --no-install-recommends \
    postgresql-17 postgresql-17-timescaledb
  unmount_proc
}

# What a server finds in its sample configuration in the official images.
sample_configuration() {
  local sample="$root/usr/share/postgresql/17/postgresql.conf.sample"
  sed -i "s/^#*listen_addresses = .*/listen_addresses = '*'/
          s/^#*shared_preload_libraries = .*/shared_preload_libraries = 'timescaledb'/" "$sample"
  grep -q "^listen_addresses = '\*'" "$sample"
  grep -q "^shared_preload_libraries = 'timescaledb'" "$sample"
}

directories() {
  install -d -m 755 "$root/docker-entrypoint-initdb.d"
  install -d -m 700 -o "$uid" -g "$uid" "$root/var/lib/postgresql/data"
  install -d -m 3777 -o "$uid" -g "$uid" "$root/var/run/postgresql"
}

slim_tree() {
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/*.log "$root"/var/log/apt/* \
    "$root"/usr/share/{doc,man,info,locale,lintian}/* "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old \
    "$root"/usr/sbin/policy-rc.d "$root"/etc/dpkg/dpkg.cfg.d/fast "$root"/tmp/* \
    "$root"/usr/share/postgresql/17/man "$root"/etc/resolv.conf
}

base
slim_dpkg
postgres_user
postgres_packages
sample_configuration
directories
slim_tree
