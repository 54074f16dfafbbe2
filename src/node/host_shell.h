// A host on which dugong is, or is to be, installed: the fixed script of install_script.h, run by a shell there through
// ssh (or here), as root or as a user who may become root by sudo.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "base/units.h"
#include "node/install_script.h"
#include "node/ssh.h"
#include "wire/link.h"

namespace dugong::node {

struct HostTarget {
  std::string name;              // for messages: a node's name, or what ssh takes
  std::optional<SshTarget> ssh;  // absent: this machine
};

// What is to be looked at.
struct LookFor {
  std::vector<std::string> files;         // their kind, mode and digest
  std::vector<std::string> texts;         // their content as well; no secrets
  std::vector<std::string> certificates;  // PEM files, of which only the certificates are read
  std::vector<std::string> directories;   // the names in them
  std::string program;                    // asked for its version where it is there
  bool keys = false;                      // authorized_keys of the login user
};
struct HostSeen {
  HostIdentity identity;
  std::string login;  // the user that ssh came in as
  std::map<std::string, InstalledFile> files;
  std::map<std::string, std::string> texts;         // of those that are there
  std::map<std::string, std::string> certificates;  // PEM; of those that are there
  std::map<std::string, std::vector<std::string>> directories;
  std::string program_version;       // what it answered; empty: it is not there, or does not run
  std::vector<std::string> running;  // who holds a lock of dugong's
  std::string authorized_keys;       // of the login user; empty too when it was not asked for
  std::string keys_unread;           // why they could not be read
};

struct FileToPut {
  std::string path;
  std::uint32_t mode = 0644;
  std::shared_ptr<const std::string> content;
  std::string sha256;
  std::string keep_as;    // the former file stays under this name; empty: it goes
  bool is_new = false;    // refused when something has come to be there since it was looked at
  bool must_run = false;  // `FILE --version` has to answer before it takes its name
};
struct HostChange {
  std::vector<FileToPut> puts;  // all of them, or none
  std::vector<std::string> keys_to_add;
  std::vector<std::string> keys_to_drop;
  std::vector<std::string> deletes;      // files
  std::vector<std::string> directories;  // taken away when they are empty
  enum class Boot { as_it_is, reload, enable, disable };
  Boot boot = Boot::as_it_is;
};

class HostShell {
 public:
  HostShell() = default;
  HostShell(const HostShell&) = delete;
  HostShell& operator=(const HostShell&) = delete;
  virtual ~HostShell() = default;
  virtual Result<HostSeen> look(const LookFor& wanted) = 0;
  // Errors: failed ("nothing was changed there" until the files took their names; afterwards what was done is named).
  virtual Result<> change(const HostChange& change) = 0;
};

// This very program and the dugong-wal beside it, to be put elsewhere.
struct OwnPrograms {
  std::string machine;  // that they are for, as uname -m says it
  std::string dugong;
  std::string dugong_wal;
};
// Errors: refused when there is no dugong-wal beside this program.
Result<OwnPrograms> own_programs();

struct HostPatience {
  Millis greeting{20'000};  // a login may take long; a shell that never answers is no shell
  Millis answer{60'000};
  Millis stall{30'000};  // of an upload: no byte taken
};

// Errors: unreachable in ssh's own words (a changed host key, no answer after login, no key); refused: sudo wants a
// password, the key there may only serve.
Result<std::unique_ptr<HostShell>> open_host(const HostTarget& target, const std::stop_token& stop,
                                             HostPatience patience = {});

}  // namespace dugong::node
