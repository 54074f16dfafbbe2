// For tests: nodes behind a socket pair or a child process in place of ssh, and a `zfs` that is a shell script.
#pragma once

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <signal.h>
#include <stdlib.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "node/remote.h"
#include "node/serve.h"
#include "os/clock.h"

namespace dugong::node::testkit {

class FakeNode final : public Node {
 public:
  using Handler = std::function<Result<Answer>(const Request&, const std::stop_token&)>;
  explicit FakeNode(Handler handler = {}) : handler_{std::move(handler)} {}
  Result<Answer> call(const Request& request, Deadline, std::stop_token stop) override {
    ++calls;
    if (std::holds_alternative<zfs::InspectPool>(request)) return zfs::Pool{};
    if (std::holds_alternative<AcquireLock>(request)) return AcquireLock::Answer{true, {}};
    if (handler_) return handler_(request, stop);
    return Done{};
  }
  std::atomic<int> calls = 0;

 private:
  Handler handler_;
};

inline wire::Timing quick() {
  wire::Timing timing;
  timing.hello = Millis{5'000};
  timing.beat = Millis{200};
  timing.silence = Millis{2'000};
  timing.stream_silence = Millis{2'000};
  timing.stall = Millis{3'000};
  timing.farewell = Millis{100};
  return timing;
}

// A `dugong serve` on threads of this process; every connection is a session of its own.
class Host {
 public:
  explicit Host(std::shared_ptr<Node> node, Policy policy = {}) : node_{std::move(node)}, policy_{std::move(policy)} {}
  ~Host() { drop(); }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  Result<wire::Channel> connect() {
    auto pair = TRY(os::make_socketpair());
    wire::Channel theirs;
    theirs.out = TRY(os::duplicate(pair.read_end.get()));
    auto cutter = std::make_shared<os::Fd>(TRY(os::duplicate(pair.read_end.get())));
    theirs.in = std::move(pair.read_end);
    wire::Channel ours;
    ours.out = TRY(os::duplicate(pair.write_end.get()));
    ours.in = std::move(pair.write_end);
    ++connections;
    const std::lock_guard guard{mutex_};
    cutters_.push_back(cutter);
    threads_.emplace_back([this, cutter, channel = std::move(theirs)](const std::stop_token& stop) mutable {
      const ServeOptions options{policy_, quick()};
      static_cast<void>(serve(std::move(channel), node_, options, stop));
      cut(*cutter);  // the duplicate would keep the socket open
    });
    return ours;
  }
  // Cuts all sessions as a dead network would, and waits for them.
  void drop() {
    std::vector<std::jthread> ending;
    {
      const std::lock_guard guard{mutex_};
      for (const auto& cutter : cutters_) cut(*cutter);
      cutters_.clear();
      ending.swap(threads_);
    }
    ending.clear();
    os::sleep_for(Millis{100});  // the other side notices
  }
  std::atomic<int> connections = 0;

 private:
  static void cut(const os::Fd& socket) { ::shutdown(socket.get(), SHUT_RDWR); }
  std::shared_ptr<Node> node_;
  Policy policy_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<os::Fd>> cutters_;
  std::vector<std::jthread> threads_;
};

inline std::unique_ptr<RemoteNode> remote_to(Host& host, const std::string& name = "b") {
  RemoteOptions options;
  options.name = name;
  options.connect = [&host](wire::Purpose) { return host.connect(); };
  options.timing = quick();
  options.retry_after = Millis{0};
  return std::make_unique<RemoteNode>(std::move(options));
}

// A temporary directory with a `zfs` in front of everybody else's in $PATH.
class FakeZfs {
 public:
  FakeZfs() {
    std::string pattern = testing::TempDir() + "dugong-zfs-XXXXXX";
    directory = ::mkdtemp(pattern.data());
    const auto program = directory + "/zfs";
    std::ofstream{program} << "#!/bin/sh\nD=" << directory << "\n"
                           << R"(
[ "$1" = get ] && { [ -e $D/UNMARKED ] && printf -- '-\t-\n' || printf 'dex\tinherited from tank\n'; exit 0; }
echo $$ >> $D/pids
if [ "$1" = receive ]; then
  [ "$2" = -u ] || { echo "it would be mounted" >&2; exit 2; }
  shift; set -- receive "$2"
fi
case "$1:$2" in
  send:tank/a@payload) exec cat $D/payload;;
  send:tank/a@forever) exec cat /dev/zero;;
  send:tank/a@silent) exec sleep 600;;
  send:tank/a@late) head -c 300000 /dev/zero; echo "warning: cannot send 'tank/a@late': I/O error" >&2; exit 1;;
  send:*) echo "cannot open '$2': dataset does not exist" >&2; exit 1;;
  receive:tank/to) cat > $D/received; echo done >> $D/ended;;
  receive:tank/lazy) exec sleep 600;;
  receive:tank/sour) cat > /dev/null; echo "cannot receive: checksum mismatch" >&2; exit 1;;
  receive:*) head -c 1000 > /dev/null; echo "cannot receive: destination '$2' has been modified" >&2; exit 1;;
esac
)";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    const char* path = ::getenv("PATH");
    old_path_ = path == nullptr ? "" : path;
    ::setenv("PATH", (directory + ":" + old_path_).c_str(), 1);
  }
  ~FakeZfs() {
    ::setenv("PATH", old_path_.c_str(), 1);
    std::filesystem::remove_all(directory);
  }
  FakeZfs(const FakeZfs&) = delete;
  FakeZfs& operator=(const FakeZfs&) = delete;

  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream file{directory + "/" + name, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
  // Those that were started and still run.
  [[nodiscard]] int running() const {
    std::ifstream pids{directory + "/pids"};
    int count = 0;
    for (int pid = 0; pids >> pid;) count += ::kill(pid, 0) == 0 ? 1 : 0;
    return count;
  }
  [[nodiscard]] bool all_end_within(Millis patience) const {
    const auto until = os::deadline_in(patience);
    while (running() > 0) {
      if (until.passed(os::now())) return false;
      os::sleep_for(Millis{20});
    }
    return true;
  }
  std::string directory;

 private:
  std::string old_path_;
};

inline Deadline soon() { return os::deadline_in(Millis{20'000}); }

}  // namespace dugong::node::testkit
