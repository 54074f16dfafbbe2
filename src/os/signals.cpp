#include "os/signals.h"

#include <csignal>
#include <sys/signalfd.h>
#include <unistd.h>

namespace dugong::os {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  return set;
}

void watch(int signal_fd, std::stop_source& source, const std::stop_token& ended) {
  const StopSignal stop{ended};
  while (wait_ready(signal_fd, -1, Deadline{}, stop) == Ready::first) {
    signalfd_siginfo info{};
    if (::read(signal_fd, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) continue;
    // The operator insists: whatever hangs must not keep them from leaving.
    if (!source.request_stop()) ::_exit(128 + static_cast<int>(info.ssi_signo));
  }
}

}  // namespace

void ignore_sigpipe() { std::signal(SIGPIPE, SIG_IGN); }

void default_signals() {
  std::signal(SIGPIPE, SIG_DFL);
  std::signal(SIGCHLD, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

Signals::Signals() {
  ignore_sigpipe();
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal_fd_ = Fd{::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
  thread_ = std::jthread{[this](const std::stop_token& ended) { watch(signal_fd_.get(), source_, ended); }};
}

Signals::~Signals() {
  thread_.request_stop();
  thread_.join();
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace dugong::os
