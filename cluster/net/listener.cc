#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>

#include "cluster/net/link.h"

namespace imroute::cluster {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;

namespace {
constexpr auto kPauseWithoutDescriptors = std::chrono::milliseconds(100);
constexpr int kMostPerWake = 64;
}  // namespace

struct Listener::State : std::enable_shared_from_this<State> {
  State(asio::io_context& context, Accept call)
      : acceptor(context), pause(context), accept(std::move(call)) {}
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  Accept accept;

  void wait() {
    acceptor.async_wait(tcp::acceptor::wait_read, [self = shared_from_this()](const Error& error) {
      if (!error) self->take();
    });
  }
  void take() {
    for (int i = 0; i < kMostPerWake && acceptor.is_open(); ++i) {
      Error error;
      tcp::socket socket = acceptor.accept(error);
      if (error == asio::error::no_descriptors) {  // those that are open must end first
        pause.expires_after(kPauseWithoutDescriptors);
        pause.async_wait([self = shared_from_this()](const Error& stopped) {
          if (!stopped) self->wait();
        });
        return;
      }
      if (error) break;  // none waits, or one that has gone again
      const int descriptor = socket.release(error);
      if (!error) accept(descriptor);
    }
    if (acceptor.is_open()) wait();
  }
};

Listener::Listener(Loop& loop, const HostPort& at, Accept accept)
    : state_(std::make_shared<State>(loop.context(), std::move(accept))) {
  Error error;
  const auto check = [&at, &error](const char* what) {
    if (!error) return;
    const std::string problem = error == asio::error::address_in_use
                                    ? "the port is taken; name another, or stop who has it"
                                    : error.message();
    throw SystemRefusal("cannot " + std::string(what) + " " + at.text() + ": " + problem);
  };
  tcp::resolver resolver(loop.context());
  const auto found = resolver.resolve(at.host, std::to_string(at.port), error);
  check("find the address of");
  const tcp::endpoint endpoint = *found.begin();
  state_->acceptor.open(endpoint.protocol(), error);
  check("open");
  state_->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  state_->acceptor.non_blocking(true, error);
  state_->acceptor.bind(endpoint, error);
  check("listen on");
  state_->acceptor.listen(SOMAXCONN, error);
  check("listen on");
  state_->wait();
}

Listener::~Listener() { stop(); }

uint16_t Listener::port() const {
  Error ignored;
  return state_->acceptor.local_endpoint(ignored).port();
}

void Listener::stop() {
  Error ignored;
  state_->acceptor.close(ignored);
  state_->pause.cancel();
}

}  // namespace imroute::cluster
