#include "cluster/machine/client_links.h"

#include <unistd.h>

#include <utility>

namespace imroute::cluster {

namespace {
// Of who has not yet been admitted: a greeting fits.
constexpr LinkOptions kNewClientLink{
    .most_pending = 64 * 1024, .most_control = 2 * 1024, .most_frame = 0};
// A session's window and what it asks for at bind fit several times.
constexpr LinkOptions kClientLink{.most_pending = 4 * 1024 * 1024, .most_control = 16 * 1024};

AddressBook::Seat& seat_of(const Link& link) {
  return *static_cast<AddressBook::Seat*>(link.kept.get());
}

bool enters(const Frame& frame) {
  return frame.type == FrameType::login || frame.type == FrameType::bind;
}
bool is(const Identity& identity, const Frame& frame) {
  return (!identity.user || *identity.user == frame.user) &&
         (!identity.device || *identity.device == frame.device) &&
         (!identity.generation || *identity.generation == frame.generation);
}
Frame refusal_of(const Frame& frame, Reason reason) {
  Frame answer;
  answer.type = frame.type == FrameType::login ? FrameType::login_refused : FrameType::bind_refused;
  answer.user = frame.user;
  answer.device = frame.device;
  answer.number = frame.number;
  answer.reason = reason;
  return answer;
}
}  // namespace

std::string_view to_string(ClientRefusal why) {
  constexpr std::string_view kNames[] = {"full",       "per_address",  "login_rate",    "late",
                                         "pushed_out", "not_admitted", "impersonation", "protocol"};
  return kNames[static_cast<size_t>(why)];
}

ClientLinks::ClientLinks(Loop& loop, EventSink& sink, Environment& environment,
                         const ClientLimits& limits, const Hello& hello)
    : loop_(loop),
      sink_(sink),
      environment_(environment),
      limits_(limits),
      hello_(hello),
      greetings_(loop, limits.most_new, limits.greeting_time),
      addresses_(limits.per_address, limits.logins_per_address) {}

void ClientLinks::adopt(int socket, LayerHandle layer) {
  const bool full = links_.size() >= limits_.most;
  std::shared_ptr<AddressBook::Seat> seat;
  if (!full) seat = addresses_.take_seat(address_of(socket));
  if (seat == nullptr) {
    count(full ? ClientRefusal::full : ClientRefusal::per_address);
    ::close(socket);
    return;
  }
  LinkOptions options = kNewClientLink;
  options.hello = hello_;
  LinkHandle link = Link::adopt(loop_, socket, *this, totals_, options, std::move(layer));
  link->tag = next_tag_++;
  link->kept = std::move(seat);
  greetings_.add(link->tag, link);
}

LinkId ClientLinks::attach(Receive receive) {
  const LinkId id{next_tag_++};
  attached_.emplace(id.value, std::make_shared<Receive>(std::move(receive)));
  sink_.deliver(ClientUp{id});
  return id;
}

void ClientLinks::send(LinkId id, const Frame& frame) {
  const auto at = links_.find(id.value);
  if (at == links_.end()) {
    const auto inside = attached_.find(id.value);
    if (inside == attached_.end()) return;
    return loop_.post([receive = std::weak_ptr(inside->second), frame] {
      if (const auto call = receive.lock()) (*call)(frame);
    });
  }
  environment_.before_client_frame(*at->second.link, frame);
  at->second.link->send(frame);
}

void ClientLinks::close(LinkId id) {
  const auto at = links_.find(id.value);
  if (at == links_.end()) return;
  at->second.link->close();
  links_.erase(at);
}

void ClientLinks::close_all() {
  for (auto& [tag, client] : links_) client.link->close();
  links_.clear();
  attached_.clear();
}

void ClientLinks::drop_all() {
  const auto links = std::exchange(links_, {});
  for (const auto& [tag, client] : links) {
    client.link->close();
    sink_.deliver(ClientDown{LinkId{tag}, Reason::shutdown});
  }
}

ClientRefusals ClientLinks::refused() const {
  ClientRefusals out = refused_;
  out[static_cast<size_t>(ClientRefusal::late)] += greetings_.late();
  out[static_cast<size_t>(ClientRefusal::pushed_out)] += greetings_.pushed_out();
  return out;
}

void ClientLinks::refuse(Link& link, ClientRefusal why, Reason reason, std::string_view text) {
  count(why);
  link.send_control(kControlRefusal, refusal_body(reason, text));
  const bool greeted = links_.erase(link.tag) != 0;
  greetings_.take(link.tag);
  link.close();
  if (greeted) sink_.deliver(ClientDown{LinkId{link.tag}, reason});
}

void ClientLinks::on_frame(Link& link, const Frame& frame) {
  const auto at = links_.find(link.tag);
  if (at == links_.end()) {
    return refuse(link, ClientRefusal::protocol, Reason::protocol_error,
                  "a greeting must come first");
  }
  if (enters(frame) && !may_enter(link, at->second, frame)) return;
  sink_.deliver(ClientFrame{LinkId{link.tag}, frame});
}

bool ClientLinks::may_enter(Link& link, const Client& client, const Frame& frame) {
  const bool itself = is(client.identity, frame);
  if (itself && addresses_.take_login(seat_of(link))) return true;
  const Reason reason = itself ? Reason::overloaded : Reason::bad_token;
  link.send(refusal_of(frame, reason));
  refuse(link, itself ? ClientRefusal::login_rate : ClientRefusal::impersonation, reason,
         itself ? "too many logins from this address" : "this connection is somebody else's");
  return false;
}

void ClientLinks::on_control(Link& link, uint8_t type, std::span<const std::byte> body) {
  if (greetings_.has(link.tag)) return on_greeting(link, type, body);
  if (!environment_.on_client_control(link, type, body)) {
    refuse(link, ClientRefusal::protocol, Reason::protocol_error, "unknown control message");
  }
}

void ClientLinks::on_greeting(Link& link, uint8_t type, std::span<const std::byte> body) {
  const auto greeting = type == kControlGreeting ? read_control<Greeting>(body) : std::nullopt;
  if (!greeting || greeting->kind != CallerKind::client) {
    return refuse(link, ClientRefusal::protocol, Reason::protocol_error,
                  "not the greeting of a client");
  }
  link.pause();
  environment_.admit(
      seat_of(link).address(), *greeting,
      [this, tag = link.tag, alive = std::weak_ptr(alive_)](const Admission& admission) {
        if (!alive.expired()) on_admission(tag, admission);
      });
}

void ClientLinks::on_admission(uint64_t tag, const Admission& admission) {
  const LinkHandle link = greetings_.take(tag);
  if (link == nullptr) return;  // it went, or its time was over
  if (admission.refused != Reason::none) {
    return refuse(*link, ClientRefusal::not_admitted, admission.refused, admission.text);
  }
  link->set_owner(*this, kClientLink);
  links_.emplace(tag, Client{link, admission.identity});
  sink_.deliver(ClientUp{LinkId{tag}});
  link->resume();
}

void ClientLinks::on_closed(Link& link, Reason reason) {
  if (!link.trouble().empty()) environment_.on_trouble(std::nullopt, link.trouble());
  greetings_.take(link.tag);
  if (links_.erase(link.tag) != 0) sink_.deliver(ClientDown{LinkId{link.tag}, reason});
}

}  // namespace imroute::cluster
