#include "cluster/process/user_client.h"

#include <algorithm>
#include <utility>

#include "cluster/process/server_start.h"
#include "cluster/process/user_book.h"

namespace imroute::cluster {

namespace {

constexpr DurationNs kAnswerTime = 3 * kSecond;

ClientConfig config_of(const UserSettings& s) {
  ClientConfig config;
  config.key = {user_id_of(s.name), s.device};
  config.client_type = s.client_type;
  config.seed = fresh_seed();
  config.routers = static_cast<uint32_t>(s.routers.size());
  config.delivery = s.delivery;
  config.sessions = s.sessions;
  return config;
}

Greeting greeting_of(const UserSettings& s) {
  Greeting greeting;
  greeting.kind = CallerKind::client;
  greeting.name = s.name;
  greeting.proof = s.pass;
  return greeting;
}

}  // namespace

UserClient::UserClient(Loop& loop, const UserSettings& settings, OnNotice on_notice,
                       OnTrouble on_trouble)
    : loop_(loop),
      settings_(settings),
      user_(user_id_of(settings.name)),
      on_notice_(std::move(on_notice)),
      on_trouble_(std::move(on_trouble)),
      through_(dialled_as(settings)),
      machine_(config_of(settings), loop.pool()) {
  driver_.emplace(loop, machine_, *this, DriverOptions{greeting_of(settings), {}, {}, false});
}

UserClient::~UserClient() = default;

void UserClient::send(ConversationId to, std::string_view text, uint64_t tag) {
  Payload payload = loop_.pool().copy(std::as_bytes(std::span(text)));
  driver_->command({CommandKind::send, to, std::move(payload), tag});
}
void UserClient::create(ConversationId group, std::vector<UserId> members, uint64_t tag) {
  members.push_back(user_);
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
  Payload list = loop_.pool().copy_list(std::span<const UserId>(members));
  driver_->command({CommandKind::create, group, std::move(list), tag});
}
void UserClient::join(ConversationId group, uint64_t tag) {
  driver_->command({CommandKind::join, group, {}, tag});
}
void UserClient::leave(ConversationId group, uint64_t tag) {
  driver_->command({CommandKind::leave, group, {}, tag});
}

std::optional<HostPort> UserClient::where(Address server) {
  if (server.kind == PeerKind::router) return parse_host_port(settings_.routers[server.index]);
  const auto at = places_.find(NodeId{server.index});
  return at == places_.end() ? std::nullopt : std::optional(at->second);
}

LayerTo dialled_as(const UserSettings& settings) {
  if (settings.tls_authority.empty()) return [](const HostPort&) { return nullptr; };
  const auto tls = std::make_shared<Tls>(TlsFiles{{}, {}, settings.tls_authority});
  return [tls](const HostPort& to) { return tls->dial(to.host); };
}

void UserClient::on_trouble(std::optional<Address> server, std::string_view why) {
  if (online_) return;  // why that ends is told by a notice
  const HostPort at = where(*server).value_or(HostPort{});
  on_trouble_(at.text() + ": " + std::string(why), false);
}

std::string UserClient::proof_for(Address server) {
  return server.kind == PeerKind::router ? settings_.pass : token_;
}

void UserClient::on_notice(const Notify& notice) {
  if (notice.kind == NoticeKind::online) online_ = true;
  if (notice.kind == NoticeKind::offline) online_ = false;
  on_notice_(notice);
}

void UserClient::on_server_control(Address server, uint8_t type, std::span<const std::byte> body) {
  if (type == kControlRefusal) {
    const auto refusal = read_control<Refusal>(body);
    if (!refusal) return;
    const HostPort at = where(server).value_or(HostPort{});
    const bool final = server.kind == PeerKind::router && refusal->reason == Reason::bad_token;
    return on_trouble_(at.text() + " refuses: " + refusal->text, final);
  }
  if (server.kind != PeerKind::router || type != kControlPlace) return;
  const auto notice = read_control<PlaceNotice>(body);
  const auto place = notice ? parse_host_port(notice->client) : std::nullopt;
  if (!place) return;
  places_[notice->node] = *place;
  token_ = notice->token;
}

// ---- questions ---------------------------------------------------------------------------------

UserQuestion::UserQuestion(Loop& loop, const UserSettings& who, const UsersQuery& query,
                           OnAnswer on_answer)
    : loop_(loop),
      routers_(who.routers),
      through_(dialled_as(who)),
      greeting_(greeting_of(who)),
      query_(query),
      on_answer_(std::move(on_answer)),
      timer_(loop, [this] { ask_next(); }) {
  timer_.set(monotonic_now());  // not from inside the constructor
}

void UserQuestion::ask_next() {
  if (link_ != nullptr) link_->close();
  link_ = nullptr;
  if (next_ == routers_.size()) {  // last: the answer may destroy this question
    timer_.set(kNever);
    const OnAnswer call = std::exchange(on_answer_, nullptr);
    return call(answer_);
  }
  const HostPort at = *parse_host_port(routers_[next_++]);
  link_ = Link::dial(loop_, at, *this, totals_, {}, through_(at));
  timer_.set(monotonic_now() + kAnswerTime);
}

UserQuestion::~UserQuestion() {
  if (link_ != nullptr) link_->close();
}

void UserQuestion::on_connected(Link& link) {
  link.send_control(kControlGreeting, control_body(greeting_));
  link.send_control(kControlUsersQuery, control_body(query_));
}

void UserQuestion::on_control(Link&, uint8_t type, std::span<const std::byte> body) {
  if (type != kControlUsersAnswer) return;
  if (const auto got = read_control<UsersAnswer>(body)) take(*got);
  ask_next();
}

void UserQuestion::take(const UsersAnswer& got) {
  if (!answer_) {
    answer_ = got;
    return;
  }
  answer_->known = answer_->known || got.known;
  answer_->more = answer_->more || got.more;
  for (const KnownUser& user : got.users) {
    const auto same = [&user](const KnownUser& u) { return u.id == user.id; };
    const auto at = std::find_if(answer_->users.begin(), answer_->users.end(), same);
    if (at == answer_->users.end()) {
      answer_->users.push_back(user);
    } else if (at->name.empty()) {
      at->name = user.name;
    }
  }
}

void UserQuestion::on_closed(Link&, Reason) {
  link_ = nullptr;
  ask_next();
}

}  // namespace imroute::cluster
