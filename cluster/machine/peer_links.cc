#include "cluster/machine/peer_links.h"

#include <string>
#include <utility>

#include "core/base/assert.h"

namespace imroute::cluster {

namespace {
constexpr size_t kMostNewPeers = 1024;  // connected, not yet greeted
constexpr DurationNs kGreetingTime = 5 * kSecond;
constexpr LinkOptions kPeerLink{.most_pending = 64 * 1024 * 1024, .most_control = 64 * 1024};

CallerKind kind_of(Address address) {
  return address.kind == PeerKind::node ? CallerKind::node : CallerKind::router;
}
Address address_of(const Greeting& greeting) {
  return {greeting.kind == CallerKind::node ? PeerKind::node : PeerKind::router, greeting.index};
}
constexpr uint32_t kMostServers = 1u << 20;
}  // namespace

PeerLinks::PeerLinks(Loop& loop, EventSink& sink, Environment& environment, Greeting self,
                     const Hello& hello)
    : loop_(loop),
      sink_(sink),
      environment_(environment),
      self_(std::move(self)),
      options_(kPeerLink),
      greetings_(loop, kMostNewPeers, kGreetingTime) {
  options_.hello = hello;
}

void PeerLinks::connect(Address address) {
  if (peers_.contains(address)) return;
  const std::optional<HostPort> place = environment_.where(address);
  if (!place) return sink_.peer_down_later(address, Reason::unknown_node);
  Peer& peer = peers_[address];
  peer.link = Link::dial(loop_, *place, *this, totals_, options_, environment_.layer_to(*place));
  peer.link->tag = next_tag_++;
  addresses_[peer.link->tag] = address;
}

void PeerLinks::adopt(int socket, LayerHandle layer) {
  LinkHandle link = Link::adopt(loop_, socket, *this, totals_, options_, std::move(layer));
  link->tag = next_tag_++;
  greetings_.add(link->tag, link);
}

void PeerLinks::send(Address address, const Frame& frame) {
  const auto at = peers_.find(address);
  if (at == peers_.end() || !at->second.up) {
    ++unsent_;
    return;
  }
  at->second.link->send(frame);
}

void PeerLinks::send_control(Address address, uint8_t type, std::span<const std::byte> body) {
  const auto at = peers_.find(address);
  if (at != peers_.end() && at->second.up) at->second.link->send_control(type, body);
}

// The frames for all are of types that no build lacks, the same with any features.
void PeerLinks::send_to_nodes(const Frame& frame) {
  IM_ASSERT(frame_fields(frame.type, 0) == frame_fields(frame.type));
  ByteBuffer bytes = loop_.take_buffer();
  encode(frame, 0, bytes);
  for (const auto& [address, peer] : peers_) {
    if (peer.up && address.kind == PeerKind::node) peer.link->send_encoded(bytes);
  }
  loop_.give_buffer(std::move(bytes));
}

// Who dials as a client says why the machine gives a server up: what it answered, or that it did
// not.
void PeerLinks::close(Address address, Reason why) {
  if (dials_as_client() && why != Reason::none && why != Reason::cancelled) {
    const std::string refused = "refused: " + std::string(to_string(why));
    environment_.on_trouble(address, why == Reason::timeout ? "no answer" : refused);
  }
  const auto at = peers_.find(address);
  if (at == peers_.end()) return;
  greetings_.take(at->second.link->tag);
  addresses_.erase(at->second.link->tag);
  at->second.link->close();
  peers_.erase(at);
}

void PeerLinks::close_all() {
  while (!peers_.empty()) close(peers_.begin()->first);
}

size_t PeerLinks::up() const {
  size_t count = 0;
  for (const auto& [address, peer] : peers_) count += peer.up ? 1 : 0;
  return count;
}

PeerLinks::Peer* PeerLinks::peer_of(const Link& link, Address& address) {
  const auto named = addresses_.find(link.tag);
  if (named == addresses_.end()) return nullptr;
  address = named->second;
  return &peers_.at(address);
}

// A client has nothing to learn from an answer, so it does not wait for one: its first frame goes
// with its greeting.
void PeerLinks::on_connected(Link& link) {
  Address address;
  Peer* peer = peer_of(link, address);
  if (peer == nullptr) return;
  Greeting self = self_;
  self.proof = environment_.proof_for(address);
  link.send_control(kControlGreeting, control_body(self));
  if (!dials_as_client()) return greetings_.add(link.tag, peer->link);
  peer->up = true;
  sink_.deliver(PeerUp{address});
}

void PeerLinks::on_frame(Link& link, const Frame& frame) {
  Address address;
  const Peer* peer = peer_of(link, address);
  if (peer == nullptr || !peer->up) return refuse(link, "a greeting must come first");
  sink_.deliver(PeerFrame{address, frame});
}

void PeerLinks::on_control(Link& link, uint8_t type, std::span<const std::byte> body) {
  Address address;
  Peer* peer = peer_of(link, address);
  if (peer != nullptr && peer->up) return environment_.on_server_control(address, type, body);
  const auto greeting = type == kControlGreeting ? read_control<Greeting>(body) : std::nullopt;
  const LinkHandle waiting = greetings_.take(link.tag);
  if (!greeting || waiting == nullptr) return refuse(link, "not a greeting");
  if (peer != nullptr) return on_answer(address, *peer, *greeting);
  on_greeting(waiting, *greeting);
}

// Whoever sits at the place of a server that has moved or died is not that server.
void PeerLinks::on_answer(Address address, Peer& peer, const Greeting& greeting) {
  if (greeting.kind != kind_of(address) || greeting.index != address.index) {
    ++refused_;
    close(address);
    return sink_.deliver(PeerDown{address, Reason::refused});
  }
  peer.up = true;
  sink_.deliver(PeerUp{address});
}

void PeerLinks::on_greeting(const LinkHandle& link, const Greeting& greeting) {
  if (greeting.kind == CallerKind::store_user) {
    link->send_control(kControlGreeting, control_body(self_));
    if (!environment_.on_store_user(link, greeting)) refuse(*link, "no stores are held here");
    return;
  }
  const bool server = greeting.kind == CallerKind::node || greeting.kind == CallerKind::router;
  if (!server || greeting.index >= kMostServers)
    return refuse(*link, "not the greeting of a server");
  const Address address = address_of(greeting);
  const auto old = peers_.find(address);
  const bool was_up = old != peers_.end() && old->second.up;
  if (old != peers_.end()) close(address);
  if (was_up) sink_.deliver(PeerDown{address, Reason::reset});
  link->send_control(kControlGreeting, control_body(self_));
  peers_[address] = {link, true};
  addresses_[link->tag] = address;
  sink_.deliver(PeerUp{address});
}

void PeerLinks::refuse(Link& link, const char* text) {
  ++refused_;
  link.send_control(kControlRefusal, refusal_body(Reason::protocol_error, text));
  greetings_.take(link.tag);
  Address address;
  const Peer* peer = peer_of(link, address);
  if (peer == nullptr) return link.close();
  close(address);
  sink_.deliver(PeerDown{address, Reason::protocol_error});
}

void PeerLinks::on_closed(Link& link, Reason reason) {
  greetings_.take(link.tag);
  const auto named = addresses_.find(link.tag);
  const bool known = named != addresses_.end();
  if (!link.trouble().empty()) {
    environment_.on_trouble(known ? std::optional(named->second) : std::nullopt, link.trouble());
  }
  if (!known) return;
  const Address address = named->second;
  if (dials_as_client() && link.trouble().empty() && !peers_.at(address).up) {
    environment_.on_trouble(address, "cannot be reached (" + std::string(to_string(reason)) + ")");
  }
  addresses_.erase(named);
  peers_.erase(address);
  sink_.deliver(PeerDown{address, reason});
}

}  // namespace imroute::cluster
