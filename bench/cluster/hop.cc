// The floor under a routed message: two of these in a row do what no server can do without, and
// nothing else. Frames are cut apart, each is given to the connection of its target, or to the next
// hop, and every connection that was given something gets one write a wake-up.
//
//   hop [NEXT_HOST:PORT]     prints "ready HOST:PORT" of where it listens
//
// A frame is its length (of what follows; 4 bytes), its target (4 bytes) and the payload. One
// without a payload makes its sender the target of that number.
#include <unistd.h>

#include <boost/asio.hpp>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;

namespace {

struct Connection {
  explicit Connection(tcp::socket s) : socket(std::move(s)) {}
  tcp::socket socket;
  std::vector<char> tail;  // of a frame of which the rest is to come
  std::vector<char> out;
  bool touched = false;
};
using Handle = std::shared_ptr<Connection>;

class Hop {
 public:
  explicit Hop(const char* next) : acceptor_(context_, {asio::ip::address_v4::loopback(), 0}) {
    if (next != nullptr) {
      const std::string place(next);
      const size_t colon = place.rfind(':');
      tcp::socket socket(context_);
      asio::connect(
          socket, tcp::resolver(context_).resolve(place.substr(0, colon), place.substr(colon + 1)));
      next_ = add(std::move(socket));
    }
    accept();
    std::cout << "ready 127.0.0.1:" << acceptor_.local_endpoint().port() << std::endl;
  }

  void run() {
    while (context_.run_one() != 0) {
      for (int i = 0; i < 1024 && context_.poll_one() != 0; ++i) {}
      for (const Handle& to : touched_) flush(to);
      touched_.clear();
    }
  }

 private:
  void accept() {
    acceptor_.async_accept([this](const Error& error, tcp::socket socket) {
      if (!error) add(std::move(socket));
      accept();
    });
  }
  Handle add(tcp::socket socket) {
    socket.set_option(tcp::no_delay(true));
    socket.non_blocking(true);
    auto connection = std::make_shared<Connection>(std::move(socket));
    wait(connection);
    return connection;
  }
  void wait(const Handle& from) {
    from->socket.async_wait(tcp::socket::wait_read, [this, from](const Error& error) {
      if (error) return;
      Error failed;
      const size_t size = from->socket.read_some(asio::buffer(buffer_), failed);
      if (failed && failed != asio::error::would_block) return;
      if (!failed) take(from, size);
      wait(from);
    });
  }
  void take(const Handle& from, size_t size) {
    const char* at = buffer_.data();
    if (!from->tail.empty()) {
      from->tail.insert(from->tail.end(), at, at + size);
      at = from->tail.data();
      size = from->tail.size();
    }
    size_t taken = 0;
    uint32_t head[2];
    while (size - taken >= sizeof head) {
      std::memcpy(head, at + taken, sizeof head);
      const size_t whole = sizeof(uint32_t) + head[0];
      if (size - taken < whole) break;
      give(from, head[1], at + taken, whole);
      taken += whole;
    }
    std::vector<char> rest(at + taken, at + size);
    from->tail = std::move(rest);
  }
  void give(const Handle& from, uint32_t target, const char* frame, size_t size) {
    if (size == 2 * sizeof(uint32_t)) {
      targets_[target] = from;
      return;
    }
    Handle to = next_;
    if (to == nullptr) {
      const auto found = targets_.find(target);
      if (found == targets_.end()) return;
      to = found->second;
    }
    to->out.insert(to->out.end(), frame, frame + size);
    if (!std::exchange(to->touched, true)) touched_.push_back(std::move(to));
  }
  void flush(const Handle& to) {
    to->touched = false;
    Error error;
    const size_t size = to->socket.write_some(asio::buffer(to->out), error);
    to->out.erase(to->out.begin(), to->out.begin() + static_cast<std::ptrdiff_t>(size));
    if (to->out.empty() || (error && error != asio::error::would_block)) return;
    to->socket.async_wait(tcp::socket::wait_write, [this, to](const Error& stopped) {
      if (!stopped && !to->out.empty()) flush(to);
    });
  }

  asio::io_context context_{1};
  tcp::acceptor acceptor_;
  Handle next_;
  std::unordered_map<uint32_t, Handle> targets_;
  std::vector<Handle> touched_;
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
};

}  // namespace

int main(int count, char** values) {
  try {
    Hop(count > 1 ? values[1] : nullptr).run();
  } catch (const std::exception& error) {
    std::cerr << "hop: " << error.what() << '\n';
    return 3;
  }
}
