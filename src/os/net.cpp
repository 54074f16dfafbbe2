#include "os/net.h"

#include <algorithm>
#include <cerrno>
#include <future>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <span>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>

#include "base/text.h"

namespace dugong::os {
namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

int look_up(const std::string& address, const std::string& port, int flags, Addresses& found) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* head = nullptr;
  const int error = ::getaddrinfo(address.c_str(), port.c_str(), &hints, &head);
  found.reset(error == 0 ? head : nullptr);
  return error;
}

struct Looked {
  int error = 0;
  Addresses found{nullptr, &::freeaddrinfo};
};

// The system's resolver knows no deadline: a thread of its own waits for it, and is left behind when it takes longer.
Result<Looked> look_up_name(const std::string& address, const std::string& service, Deadline deadline,
                            const StopSignal& stop) {
  struct Shared {
    Fd done{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    std::promise<Looked> promise;
  };
  const auto shared = std::make_shared<Shared>();
  auto answer = shared->promise.get_future();
  std::thread{[shared, address, service] {
    Looked looked;
    looked.error = look_up(address, service, AI_NUMERICSERV, looked.found);
    shared->promise.set_value(std::move(looked));
    static_cast<void>(::eventfd_write(shared->done.get(), 1));
  }}.detach();
  const std::string what = "look up '" + printable(address) + "'";
  switch (wait_ready(shared->done.get(), -1, deadline, stop)) {
    case Ready::first:
    case Ready::second:
      return answer.get();
    case Ready::stopped:
      return fail(ErrorKind::interrupted, what + ": stopped");
    case Ready::timed_out:
      break;
  }
  return fail(ErrorKind::timed_out, what + ": no answer in time");
}

Result<Addresses> resolve(const std::string& address, std::uint16_t port, Deadline deadline, const StopSignal& stop) {
  Addresses found{nullptr, &::freeaddrinfo};
  const std::string service = std::to_string(port);
  if (look_up(address, service, AI_NUMERICHOST | AI_NUMERICSERV, found) == 0) return found;
  auto looked = TRY(look_up_name(address, service, deadline, stop));
  if (looked.error == 0) return std::move(looked.found);
  const auto kind = looked.error == EAI_AGAIN ? ErrorKind::unreachable : ErrorKind::invalid;
  return fail(kind, "cannot resolve '" + printable(address) + "': " + ::gai_strerror(looked.error));
}

Result<void> bind_to(int fd, const std::string& from) {
  Addresses local{nullptr, &::freeaddrinfo};
  if (look_up(from, "0", AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, local) != 0) {
    return fail(ErrorKind::invalid, "'" + printable(from) + "' is not a numeric address");
  }
  if (::bind(fd, local->ai_addr, local->ai_addrlen) != 0) return fail(system_error(errno, "bind to " + from));
  return {};
}

Result<void> finish_connect(int fd, const std::string& what, Deadline deadline, const StopSignal& stop) {
  switch (wait_ready(-1, fd, deadline, stop)) {
    case Ready::first:
    case Ready::second:
      break;
    case Ready::stopped:
      return fail(ErrorKind::interrupted, what + ": stopped");
    case Ready::timed_out:
      return fail(ErrorKind::timed_out, what + ": no answer in time");
  }
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return fail(system_error(error, what));
  return {};
}

Result<Fd> connect_one(const addrinfo& address, const TcpTarget& target, Deadline deadline, const StopSignal& stop) {
  const std::string what = "connect to " + target.to_address + ":" + std::to_string(target.port);
  Fd fd{::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd.valid()) return fail(system_error(errno, what));
  if (!target.from_address.empty()) TRY(bind_to(fd.get(), target.from_address));
  const int on = 1;
  static_cast<void>(::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
  if (::connect(fd.get(), address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return fail(system_error(errno, what));
    TRY(finish_connect(fd.get(), what, deadline, stop));
  }
  return fd;
}

Result<Fd> connect_local(const std::string& path) {
  const std::string what = "connect to " + path;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(system_error(ENAMETOOLONG, what));
  path.copy(address.sun_path, path.size());
  Fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd.valid()) return fail(system_error(errno, what));
  // It succeeds or fails at once; EAGAIN is a full queue (unix(7)).
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    auto error = system_error(errno, what);
    error.kind = ErrorKind::unreachable;
    return fail(std::move(error));
  }
  return fd;
}

}  // namespace

Result<std::string> exchange_local(const std::string& socket_path, std::string_view bytes, std::size_t max_answer,
                                   Deadline deadline, const std::stop_token& stop_token) {
  const Fd fd = TRY(connect_local(socket_path));
  const StopSignal stop{stop_token};
  TRY(write_all(fd.get(), bytes, deadline, stop));
  std::string answer;
  std::string block(65536, '\0');
  while (answer.size() < max_answer) {
    const auto room = std::min(block.size(), max_answer - answer.size());
    const auto count = TRY(read_some(fd.get(), std::span{block}.first(room), deadline, stop));
    if (count == 0) break;
    answer.append(block, 0, count);
  }
  return answer;
}

Result<Fd> connect_tcp(const TcpTarget& target, Deadline deadline, const std::stop_token& stop_token) {
  const StopSignal stop{stop_token};
  const Addresses addresses = TRY(resolve(target.to_address, target.port, deadline, stop));
  Error last{ErrorKind::unreachable, "'" + target.to_address + "' has no address", {}, {}, {}};
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    auto fd = connect_one(*address, target, deadline, stop);
    if (fd) return fd;
    last = std::move(fd).error();
    if (last.kind == ErrorKind::interrupted || last.kind == ErrorKind::invalid) break;
  }
  return fail(std::move(last));
}

Result<std::string> exchange(const TcpTarget& target, std::string_view bytes, std::size_t max_answer, Enough enough,
                             Deadline deadline, const std::stop_token& stop_token) {
  const Fd fd = TRY(connect_tcp(target, deadline, stop_token));
  const StopSignal stop{stop_token};
  TRY(write_all(fd.get(), bytes, deadline, stop));
  std::string answer;
  std::string block(4096, '\0');
  while (answer.size() < max_answer && (enough == nullptr || !enough(answer))) {
    auto count =
        read_some(fd.get(), std::span{block}.first(std::min(block.size(), max_answer - answer.size())), deadline, stop);
    if (!count) {
      const bool something = !answer.empty() && count.error().kind != ErrorKind::interrupted;
      if (something) break;
      return fail(std::move(count).error());
    }
    if (*count == 0) break;
    answer.append(block, 0, *count);
  }
  return answer;
}

}  // namespace dugong::os
