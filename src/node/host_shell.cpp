#include "node/host_shell.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/text.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/files.h"
#include "os/host.h"
#include "os/signals.h"
#include "os/spawn.h"

namespace dugong::node {
namespace {

constexpr std::string_view untouched = "nothing was changed there";
constexpr std::size_t longest_banner = 64 << 10;
constexpr std::size_t longest_head = 64;
constexpr Millis farewell{3'000};

enum class As { login_user, root };

Result<os::Command> command_for(const HostTarget& target, As as) {
  os::Command command;
  if (target.ssh) {
    command.argv = TRY(ssh_shell_argv(*target.ssh, as == As::root ? SshShell::sudo : SshShell::plain));
    command.keep_env = ssh_environment();
  } else {
    command.argv = as == As::root ? std::vector<std::string>{"env", "LC_ALL=C", "sudo", "-n", "sh", "-s"}
                                  : std::vector<std::string>{"sh", "-s"};
    command.keep_env = {"DUGONG_RUN_DIR"};
  }
  command.in = os::Stdio::pipe;
  return command;
}

// One shell that runs the script, and the conversation with it.
class Shell {
 public:
  static Result<std::unique_ptr<Shell>> start(const HostTarget& target, As as, const std::stop_token& stop,
                                              HostPatience patience) {
    const auto command = TRY(command_for(target, as));
    auto child = TRY(os::spawn(command));
    os::ignore_sigpipe();  // a shell that gave up has said why: its words are read, not our end
    std::unique_ptr<Shell> shell{new Shell{wire::over(std::move(child)), target.name, stop, patience}};
    TRY(shell->greet());
    return shell;
  }

  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;
  // The end of its input ends the script, which then takes its staged files away: that is waited for.
  ~Shell() {
    channel_.out.close();
    if (listens_ && channel_.child.valid()) static_cast<void>(channel_.child.wait(os::deadline_in(farewell)));
  }

  // What it answers; Error failed: what it says went wrong.
  Result<std::string> ask(const std::vector<std::string>& words, std::string_view payload = {}) {
    const auto answer = TRY(exchange(words, payload));
    if (answer.ok) return answer.body;
    return fail(Error{ErrorKind::failed, printable(trim(answer.body)), name_, std::string{untouched}, {}});
  }

 private:
  Shell(wire::Channel channel, std::string name, const std::stop_token& stop, HostPatience patience)
      : channel_{std::move(channel)}, name_{std::move(name)}, stop_{stop}, patience_{patience} {}

  Result<> greet() {
    TRY(os::set_nonblocking(channel_.in.get()));
    TRY(os::set_nonblocking(channel_.out.get()));
    const auto deadline = os::deadline_in(patience_.greeting);
    TRY(write(install_script()));
    std::string banner;
    while (!banner.ends_with(install_greeting)) {
      if (banner.ends_with(wire::magic_line)) return fail(only_serves());
      if (banner.size() >= longest_banner)
        return fail(ErrorKind::unreachable, "64 KiB of other text in place of the installer's greeting");
      const auto more = read_byte(banner, deadline);
      if (more) continue;
      const bool is_silence = more.error().kind == ErrorKind::timed_out || more.error().kind == ErrorKind::unreachable;
      return fail(is_silence ? silent(more.error(), banner) : more.error());
    }
    listens_ = true;
    return {};
  }

  Error only_serves() const {
    return {ErrorKind::refused, "the key that ssh uses may only run `dugong serve` there", name_,
            std::string{untouched}, "install with a key that has a shell: root's, or a user's with sudo"};
  }
  Error silent(const Error& error, const std::string& banner) {
    const auto printed = printable(trim(shorten(banner, 1024)));
    const auto why =
        error.kind == ErrorKind::timed_out
            ? fmt::format("the login did not lead to a shell within {}", human_duration(patience_.greeting))
            : std::string{"the connection was closed before a shell answered"};
    auto evidence = wire::lost(channel_, name_, why);
    if (!printed.empty()) evidence.what += "; it printed: " + printed;
    evidence.left = untouched;
    return evidence;
  }

  Result<> read_byte(std::string& into, Deadline deadline) {
    char byte = 0;
    const std::size_t count = TRY(os::read_some(channel_.in.get(), {&byte, 1}, deadline, stop_));
    if (count == 0) return fail(ErrorKind::unreachable, "the connection was closed");
    into += byte;
    return {};
  }

  // A shell that gave up has said why before it closed: reading finds that.
  Result<> write(std::string_view bytes) {
    auto written = os::write_patiently(channel_.out.get(), bytes, patience_.stall, stop_);
    if (written || written.error().kind == ErrorKind::unreachable) return {};
    return written;
  }

  Result<ScriptAnswer> exchange(const std::vector<std::string>& words, std::string_view payload) {
    const auto line = TRY(request_line(words));
    auto answer = converse(line, payload);
    if (answer) return answer;
    if (answer.error().kind == ErrorKind::interrupted)
      return fail(Error{ErrorKind::interrupted, "interrupted", name_, std::string{untouched}, {}});
    const bool late = answer.error().kind == ErrorKind::timed_out;
    auto error =
        wire::lost(channel_, name_,
                   late ? fmt::format("no answer within {}", human_duration(patience_.answer)) : answer.error().what);
    error.left = untouched;
    return fail(std::move(error));
  }

  Result<ScriptAnswer> converse(std::string_view line, std::string_view payload) {
    TRY(write(line));
    TRY(write(payload));
    return read_answer(os::deadline_in(patience_.answer));
  }

  Result<ScriptAnswer> read_answer(Deadline deadline) {
    std::string line;
    while (!line.ends_with('\n')) {
      if (line.size() > longest_head) return fail(ErrorKind::unreachable, "garbage in place of an answer");
      TRY(read_byte(line, deadline));
    }
    const auto head = TRY(parse_answer_head(line.substr(0, line.size() - 1)));
    std::string body(head.size + 1, '\0');  // and the newline behind it
    std::size_t have = 0;
    while (have < body.size()) {
      const std::size_t count = TRY(os::read_some(channel_.in.get(), std::span{body}.subspan(have), deadline, stop_));
      if (count == 0) return fail(ErrorKind::unreachable, "the connection was closed");
      have += count;
    }
    body.pop_back();
    return ScriptAnswer{head.ok, std::move(body)};
  }

  wire::Channel channel_;
  std::string name_;
  os::StopSignal stop_;
  HostPatience patience_;
  bool listens_ = false;  // the script runs
};

constexpr std::string_view sudo_words[] = {"a password is required", "a terminal is required",
                                           "not in the sudoers file", "is not allowed to execute",
                                           "is not allowed to run sudo"};

Error explain_sudo(Error error, const HostTarget& target, const std::string& user) {
  const bool refused = std::ranges::any_of(
      sudo_words, [&](std::string_view words) { return error.what.find(words) != std::string::npos; });
  if (refused) {
    error.kind = ErrorKind::refused;
    error.next = fmt::format(
        "put `{} ALL=(root) NOPASSWD: /bin/sh -s, /usr/bin/sh -s` into /etc/sudoers.d/dugong-install there while this "
        "runs (it is as good as root), or use root@…",
        user);
    return error;
  }
  if (lacks_sudo(error.what)) error.next = fmt::format("install sudo on {}, or use root@…", target.name);
  return error;
}

class ShellDoor final : public HostShell {
 public:
  ShellDoor(std::unique_ptr<Shell> root, std::unique_ptr<Shell> login, HostIdentity identity, std::string user)
      : root_{std::move(root)}, login_{std::move(login)}, identity_{std::move(identity)}, user_{std::move(user)} {}

  Result<HostSeen> look(const LookFor& wanted) override {
    HostSeen seen;
    seen.identity = identity_;
    seen.login = user_;
    for (const auto& path : wanted.files) seen.files[path] = TRY(file(path));
    for (const auto& path : wanted.texts) {
      seen.files[path] = TRY(file(path));
      if (seen.files[path].kind == InstalledKind::file) seen.texts[path] = TRY(root_->ask({"read", path}));
    }
    for (const auto& path : wanted.certificates) {
      seen.files[path] = TRY(file(path));
      if (seen.files[path].kind == InstalledKind::file)
        seen.certificates[path] = TRY(root_->ask({"certificates", path}));
    }
    for (const auto& path : wanted.directories) seen.directories[path] = TRY(names_in(path));
    seen.program_version = TRY(version_of(wanted.program));
    seen.running = TRY(who_runs());
    if (wanted.keys) TRY(look_at_keys(seen));
    return seen;
  }

  Result<> change(const HostChange& change) override {
    TRY(put_all(change.puts));
    auto rest = after_puts(change);
    if (rest) return rest;
    auto error = std::move(rest).error();
    std::vector<std::string> done;
    for (const auto& put : change.puts) done.push_back(put.path);
    error.left =
        done.empty() ? "what comes after it in the plan was left as it was" : "put before it: " + join(done, ", ");
    error.next = "run the same command again: it does what is missing";
    return fail(std::move(error));
  }

 private:
  Shell& login() { return login_ ? *login_ : *root_; }

  Result<InstalledFile> file(const std::string& path) {
    TRY(check_install_path(path));
    const auto body = TRY(root_->ask({"file", path}));
    return parse_installed(body);
  }
  Result<std::vector<std::string>> names_in(const std::string& path) {
    TRY(check_install_path(path));
    const auto body = TRY(root_->ask({"list", path}));
    std::vector<std::string> names;
    for (const auto name : lines(body)) names.emplace_back(name);
    return names;
  }
  // That they cannot be read stands in the way of some changes only.
  Result<> look_at_keys(HostSeen& seen) {
    auto keys = login().ask({"keys"});
    if (!keys && keys.error().kind != ErrorKind::failed) return fail(std::move(keys).error());
    if (keys)
      seen.authorized_keys = *std::move(keys);
    else
      seen.keys_unread = keys.error().what;
    return {};
  }
  Result<std::string> version_of(const std::string& program) {
    if (program.empty()) return std::string{};
    const auto there = TRY(file(program));
    if (there.kind != InstalledKind::file) return std::string{};
    const auto body = TRY(root_->ask({"run", program}));
    const auto ran = TRY(parse_ran(body));
    return ran.status == 0 ? printable(shorten(ran.output, 100)) : std::string{};
  }
  Result<std::vector<std::string>> who_runs() {
    const auto body = TRY(root_->ask({"held"}));
    std::vector<std::string> holders;
    for (const auto line : lines(body))
      if (!trim(line).empty()) holders.push_back(printable(trim(line)));
    holders.erase(std::unique(holders.begin(), holders.end()), holders.end());  // who changes a node has several locks
    return holders;
  }

  Result<> put_all(const std::vector<FileToPut>& puts) {
    for (const auto& put : puts) {
      auto staged = stage(put);
      if (!staged) return fail(located(std::move(staged).error(), put.path));
    }
    for (const auto& put : puts)
      if (put.is_new) TRY(root_->ask({"new", put.path}));
    for (const auto& put : puts)
      if (!put.keep_as.empty()) TRY(root_->ask({"keep", put.path, put.keep_as}));
    return puts.empty() ? Result<>{} : commit();
  }
  Result<> commit() {
    const auto committed = root_->ask({"commit"});
    if (committed) return {};
    auto error = committed.error();
    error.left = error.kind == ErrorKind::failed ? "what is said to be put stays; nothing else was changed there"
                                                 : "unknown whether the files took their names there";
    error.next = "run the same command again: it looks first";
    return fail(std::move(error));
  }
  static Error located(Error error, const std::string& path) {
    if (error.what.find("No space left") != std::string::npos) error.next = "make room there, then run this again";
    if (error.what.find("Read-only file system") != std::string::npos)
      error.next = "mount it writable there, then run this again";
    error.what = fmt::format("{} could not be put there: {}", path, error.what);
    return error;
  }
  Result<> stage(const FileToPut& put) {
    TRY(check_install_path(put.path));
    TRY(root_->ask({"stage", put.path, fmt::format("{:o}", put.mode), std::to_string(put.content->size()), put.sha256},
                   *put.content));
    if (!put.must_run) return {};
    const auto body = TRY(root_->ask({"try", put.path}));
    const auto ran = TRY(parse_ran(body));
    if (ran.status == 0) return {};
    return fail(Error{
        ErrorKind::refused,
        fmt::format("it does not run on that host (exit {}): {}", ran.status, printable(shorten(ran.output, 500))),
        {},
        std::string{untouched},
        "install there what dugong is linked with (apt-get install libpq5 libzstd1), or build dugong on "
        "that host's release"});
  }

  Result<> after_puts(const HostChange& change) {
    if (change.boot == HostChange::Boot::disable) TRY(root_->ask({"boot", "disable"}));
    for (const auto& path : change.deletes) {
      TRY(check_install_path(path));
      TRY(root_->ask({"delete", path}));
    }
    for (const auto& path : change.directories) {
      TRY(check_install_path(path));
      TRY(root_->ask({"remove_dir", path}));
    }
    for (const auto& line : change.keys_to_add) TRY(login().ask({"add_key", std::to_string(line.size())}, line));
    for (const auto& line : change.keys_to_drop) TRY(login().ask({"drop_key", std::to_string(line.size())}, line));
    if (change.boot == HostChange::Boot::enable) TRY(root_->ask({"boot", "enable"}));
    const bool reload = change.boot == HostChange::Boot::reload || change.boot == HostChange::Boot::disable;
    if (reload) TRY(root_->ask({"boot", "reload"}));
    return {};
  }

  std::unique_ptr<Shell> root_;
  std::unique_ptr<Shell> login_;  // null: it is root's
  HostIdentity identity_;
  std::string user_;
};

Result<std::unique_ptr<Shell>> start(const HostTarget& target, As as, const std::stop_token& stop,
                                     HostPatience patience) {
  auto shell = Shell::start(target, as, stop, patience);
  if (shell) return shell;
  auto error = std::move(shell).error();
  if (target.ssh && error.kind == ErrorKind::unreachable)
    error.next = fmt::format("try by hand: ssh {} true", target.ssh->target);
  if (target.ssh) error = explain_ssh_failure(std::move(error), *target.ssh);
  if (error.left.empty()) error.left = untouched;
  return fail(std::move(error).at(target.name));
}

Result<HostIdentity> identity_of(Shell& shell) {
  const auto body = TRY(shell.ask({"identity"}));
  return parse_identity(body);
}

}  // namespace

namespace {

// What uname(2) calls the machine that the compiler built this for.
#if defined(__x86_64__)
constexpr std::string_view built_for = "x86_64";
#elif defined(__aarch64__)
constexpr std::string_view built_for = "aarch64";
#else
#error "dugong is built for x86_64 and aarch64"
#endif
constexpr Bytes largest_program = Bytes{1} << 30;

}  // namespace

Result<OwnPrograms> own_programs() {
  const auto own = TRY(os::own_executable());
  const auto wal = own.substr(0, own.rfind('/')) + "/dugong-wal";
  auto dugong = TRY(os::read_file(own, largest_program));
  auto beside = TRY(os::read_file(wal, largest_program));
  if (beside.stat.kind != os::FileKind::file)
    return fail(Error{ErrorKind::refused, "there is no dugong-wal beside this program", wal, "nothing was changed",
                      "build both (script/build), or put dugong-wal there"});
  return OwnPrograms{std::string{built_for}, std::move(dugong.bytes), std::move(beside.bytes)};
}

Result<std::unique_ptr<HostShell>> open_host(const HostTarget& target, const std::stop_token& stop,
                                             HostPatience patience) {
  auto login = TRY(start(target, As::login_user, stop, patience));
  auto identity = TRY(identity_of(*login));
  const auto user = identity.user;
  if (identity.uid == 0) return std::make_unique<ShellDoor>(std::move(login), nullptr, std::move(identity), user);
  auto root = start(target, As::root, stop, patience);
  if (!root) return fail(explain_sudo(std::move(root).error(), target, user));
  identity = TRY(identity_of(**root));
  return std::make_unique<ShellDoor>(std::move(*root), std::move(login), std::move(identity), user);
}

}  // namespace dugong::node
