// A connection of ssh that outlives the command that made it, for the commands that follow: without one every `status`
// pays for a handshake with every node.
//
// ssh's own multiplexing does it (ControlMaster, ControlPath, ControlPersist). The process that stays behind shows
// itself as "ssh: DIRECTORY/… [mux]"; it has a session of its own and none of our descriptors (OpenSSH: ssh.c,
// control_persist_detach), and ends when nobody has used it for a while, or when its line has been dead for 15 s.
#pragma once

#include <optional>
#include <string>

#include "node/ssh.h"

namespace dugong::node {

// How long one is kept: DUGONG_SSH_PERSIST in seconds, 60 without it; anything but a number from 1 to 3600 means that
// none is.
int share_seconds(const std::optional<std::string>& variable);

// Where the sockets are: "ssh" below the run directory for root, else "dugong-ssh" below $XDG_RUNTIME_DIR; made with
// mode 0700. Absent when that cannot be had for us alone, or when its name is too long for a socket's.
std::optional<std::string> share_directory();

// The socket in it: of this target through this configuration.
std::string share_socket(const std::string& directory, const SshTarget& target);
// ssh binds a name with 17 more letters first (mux.c, muxserver_listen), and a socket's name has 107 at most.
bool fits_a_socket(const std::string& path);

}  // namespace dugong::node
