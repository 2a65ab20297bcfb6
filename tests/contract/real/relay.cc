#include "tests/contract/real/relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <vector>

namespace imroute::contract {

namespace {

constexpr int kLookMs = 10;  // how soon a shut door is noticed

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int listen_anywhere(uint16_t& port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (listener < 0 || bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener, 16) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no port to listen on");
  }
  port = ntohs(address.sin_port);
  return listener;
}

// Carries what there is. False when one side has ended.
bool carry(int from, int to) {
  std::array<char, 65536> buffer;
  const ssize_t size = read(from, buffer.data(), buffer.size());
  if (size <= 0) return false;
  for (ssize_t sent = 0; sent < size;) {
    const ssize_t n =
        send(to, buffer.data() + sent, static_cast<size_t>(size - sent), MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += n;
  }
  return true;
}

}  // namespace

uint16_t free_port() {
  uint16_t port = 0;
  close(listen_anywhere(port));
  return port;
}

Relay::Relay(uint16_t server_port)
    : server_port_(server_port), listener_(listen_anywhere(port_)), thread_([this] { run(); }) {}

Relay::~Relay() {
  stopping_ = true;
  thread_.join();
  close(listener_);
}

void Relay::run() {
  struct Pair {
    int client, server;
  };
  std::vector<Pair> pairs;
  const auto drop = [&pairs](size_t i) {
    close(pairs[i].client);
    close(pairs[i].server);
    pairs.erase(pairs.begin() + static_cast<ptrdiff_t>(i));
  };
  while (!stopping_) {
    std::vector<pollfd> watched = {{listener_, POLLIN, 0}};
    for (const Pair& pair : pairs) {
      watched.push_back({pair.client, POLLIN, 0});
      watched.push_back({pair.server, POLLIN, 0});
    }
    if (shut_) watched.clear();
    poll(watched.data(), watched.size(), kLookMs);
    if (shut_) continue;
    for (size_t i = pairs.size(); i-- > 0 && watched.size() > 2 * i + 2;) {
      const bool to_server = watched[2 * i + 1].revents != 0;
      const bool to_client = watched[2 * i + 2].revents != 0;
      if ((to_server && !carry(pairs[i].client, pairs[i].server)) ||
          (to_client && !carry(pairs[i].server, pairs[i].client))) {
        drop(i);
      }
    }
    if (watched.empty() || (watched[0].revents & POLLIN) == 0) continue;
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(server_port_);
    if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      pairs.push_back({client, server});
    } else {
      close(client);
      close(server);
    }
  }
  while (!pairs.empty()) drop(pairs.size() - 1);
}

}  // namespace imroute::contract
