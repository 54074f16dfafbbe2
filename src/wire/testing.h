// For tests of this room and of those above it: two ends of a connection in one process.
#pragma once

#include <string>
#include <sys/socket.h>
#include <thread>
#include <utility>

#include "os/clock.h"
#include "wire/link.h"

namespace dugong::wire::testing_support {

// For tests of silence: short, yet longer than a busy machine leaves a thread alone.
inline Timing short_timing() {
  return {.hello = Millis{2000},
          .beat = Millis{50},
          .silence = Millis{1000},
          .stream_silence = Millis{1000},
          .stall = Millis{600},
          .farewell = Millis{500}};
}
// For all others: a slow machine must not look like a lost peer.
inline Timing calm_timing() {
  return {.hello = Millis{20'000},
          .beat = Millis{50},
          .silence = Millis{20'000},
          .stream_silence = Millis{20'000},
          .stall = Millis{20'000},
          .farewell = Millis{500}};
}

inline Identity identity(std::string peer_name, Purpose purpose = Purpose::control) {
  Identity made;
  made.self.version = "0.1.0";
  made.self.hostname = "test";
  made.self.purpose = purpose;
  made.peer_name = std::move(peer_name);
  return made;
}

inline Channel channel_of(os::Fd socket) {
  Channel channel;
  channel.out = os::duplicate(socket.get()).value();
  channel.in = std::move(socket);
  return channel;
}

struct Channels {
  Channel client;
  Channel server;
};
inline Channels make_channels() {
  auto pair = os::make_socketpair().value();
  return {channel_of(std::move(pair.read_end)), channel_of(std::move(pair.write_end))};
}

struct Links {
  Link client;
  Link server;
};
inline Links make_links(Purpose purpose = Purpose::control) {
  auto channels = make_channels();
  Links links;
  std::thread other{
      [&] { links.server = greet(std::move(channels.server), identity("client", purpose), calm_timing()).value(); }};
  links.client = greet(std::move(channels.client), identity("b", purpose), calm_timing()).value();
  other.join();
  return links;
}

}  // namespace dugong::wire::testing_support
