#include "cluster/machine/client_links.h"

#include <unistd.h>

#include <utility>

namespace imroute::cluster {

namespace {
constexpr size_t kMostNewClients = 4096;  // connected, not yet greeted
// A session's window and what it asks for at bind fit several times.
constexpr LinkOptions kClientLink{.most_pending = 4 * 1024 * 1024, .most_control = 16 * 1024};
}  // namespace

ClientLinks::ClientLinks(Loop& loop, EventSink& sink, Environment& environment, size_t most)
    : loop_(loop),
      sink_(sink),
      environment_(environment),
      most_(most),
      greetings_(loop, kMostNewClients) {}

void ClientLinks::adopt(int socket, LayerHandle layer) {
  if (links_.size() >= most_) {
    ++refused_;
    ::close(socket);
    return;
  }
  LinkHandle link = Link::adopt(loop_, socket, *this, totals_, kClientLink, std::move(layer));
  link->tag = next_tag_++;
  greetings_.add(link->tag, link);
}

void ClientLinks::send(LinkId id, const Frame& frame) {
  const auto at = links_.find(id.value);
  if (at == links_.end()) return;
  environment_.before_client_frame(*at->second, frame);
  at->second->send(frame);
}

void ClientLinks::close(LinkId id) {
  const auto at = links_.find(id.value);
  if (at == links_.end()) return;
  at->second->close();
  links_.erase(at);
}

void ClientLinks::close_all() {
  for (auto& [tag, link] : links_) link->close();
  links_.clear();
}

void ClientLinks::drop_all() {
  const auto links = std::exchange(links_, {});
  for (const auto& [tag, link] : links) {
    link->close();
    sink_.deliver(ClientDown{LinkId{tag}, Reason::shutdown});
  }
}

void ClientLinks::refuse(Link& link, Reason reason, const char* text) {
  ++refused_;
  link.send_control(kControlRefusal, refusal_body(reason, text));
  const bool greeted = links_.erase(link.tag) != 0;
  greetings_.take(link.tag);
  link.close();
  if (greeted) sink_.deliver(ClientDown{LinkId{link.tag}, reason});
}

void ClientLinks::on_frame(Link& link, const Frame& frame) {
  if (greetings_.has(link.tag)) {
    return refuse(link, Reason::protocol_error, "a greeting must come first");
  }
  sink_.deliver(ClientFrame{LinkId{link.tag}, frame});
}

void ClientLinks::on_control(Link& link, uint8_t type, std::span<const std::byte> body) {
  const LinkHandle waiting = greetings_.take(link.tag);
  if (waiting != nullptr) {
    const auto greeting = type == kControlGreeting ? read_control<Greeting>(body) : std::nullopt;
    if (!greeting || greeting->kind != CallerKind::client) {
      return refuse(link, Reason::protocol_error, "not the greeting of a client");
    }
    links_.emplace(link.tag, waiting);
    environment_.on_client_control(link, type, body);
    return sink_.deliver(ClientUp{LinkId{link.tag}});
  }
  if (!environment_.on_client_control(link, type, body)) {
    refuse(link, Reason::protocol_error, "unknown control message");
  }
}

void ClientLinks::on_closed(Link& link, Reason reason) {
  if (!link.trouble().empty()) environment_.on_trouble(std::nullopt, link.trouble());
  greetings_.take(link.tag);
  if (links_.erase(link.tag) != 0) sink_.deliver(ClientDown{LinkId{link.tag}, reason});
}

}  // namespace imroute::cluster
