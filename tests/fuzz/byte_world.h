// A world whose every move is read from the fuzzer's bytes. It keeps the driver's side of the
// contract (core/event/event.h): frames only over links that are up, one reply per operation, time
// that never goes back. Everything else is as hostile as the bytes: any well-formed frame in any
// order from anybody, replies late, unknown or contradictory, peers that come and go.
//
// A polite world keeps the protocol, too, as far as one side of it can: clients bind and send,
// stores say ok and stay who they are, time passes slowly. That leads deep into states where rude
// bytes come rarely.
//
// Values come from small ranges, so that frames meet state that earlier frames made; one byte in
// sixteen gives a huge one. What must hold after every step: the machine ends the step, its timers
// make progress, and its demands on the world stay bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <stdexcept>
#include <utility>
#include <variant>
#include <vector>

#include "core/event/effect.h"
#include "core/event/event.h"
#include "core/model/config.h"

namespace imroute {

// Thrown, so that a property test can shrink its input; libFuzzer reports it as a crash.
inline void require(bool condition) {
  if (!condition) throw std::logic_error("a bound was broken");
}

class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : data_(data), left_(size) {}
  bool empty() const { return left_ == 0; }
  uint8_t next() {
    if (left_ == 0) return 0;
    --left_;
    return *data_++;
  }
  uint64_t below(uint64_t bound) { return next() % bound; }
  // Mostly small, sometimes enormous.
  uint64_t number(uint64_t small) {
    const uint8_t b = next();
    return b >= 0xf0 ? ~uint64_t{0} >> (b & 3) : b % small;
  }
  bool flip() { return (next() & 1) != 0; }

 private:
  const uint8_t* data_;
  size_t left_;
};

inline constexpr uint64_t kUsers = 4;
inline constexpr uint64_t kServers = 4;

// Makes values of the model out of bytes.
class Maker {
 public:
  Maker(Bytes& bytes, BlobPool& pool, bool polite = false)
      : bytes_(bytes), pool_(pool), polite_(polite) {}

  UserId user() { return UserId{bytes_.below(kUsers + 1)}; }
  NodeId node() {
    const uint8_t b = bytes_.next();
    return b >= 0xf0 ? kNoNode : NodeId{b % static_cast<uint32_t>(kServers + 1)};
  }
  ConversationId conversation() {
    if (bytes_.below(4) == 0) return ConversationId::group(bytes_.below(2));
    const UserId a = user(), b = user();
    return ConversationId::direct(a, b);
  }
  Position position() {
    const auto epoch = static_cast<uint32_t>(bytes_.below(3));
    return {epoch, bytes_.number(12)};
  }
  Payload payload() {
    const uint64_t size = bytes_.below(48);
    Payload made = pool_.make(size);
    if (size > 0) {
      for (std::byte& b : made.writable()) b = std::byte{bytes_.next()};
    }
    return made;
  }
  Payload list(FrameType type) {
    std::vector<UserId> users;
    std::vector<Cursor> cursors;
    std::vector<Pointer> pointers;
    std::vector<UserLocation> locations;
    for (uint64_t n = bytes_.below(6); n > 0; --n) {
      users.push_back(user());
      cursors.push_back({conversation(), position()});
      pointers.push_back({user(), node(), 0, bytes_.number(9)});
      UserLocation location{};
      location.user = user();
      location.version = bytes_.number(9);
      location.count = static_cast<uint32_t>(bytes_.number(kMaxNodesPerUser + 2));
      for (NodeId& at : location.nodes) at = node();
      locations.push_back(location);
    }
    switch (type) {
      case FrameType::bind:
        return pool_.copy_list(std::span<const Cursor>(cursors));
      case FrameType::pointers:
        return pool_.copy_list(std::span<const Pointer>(pointers));
      case FrameType::resolved:
        return pool_.copy_list(std::span<const UserLocation>(locations));
      default:
        return bytes_.below(8) == 0 ? payload() : pool_.copy_list(std::span<const UserId>(users));
    }
  }
  Entry entry() {
    Entry e;
    e.conversation = conversation();
    e.position = position();
    e.kind = static_cast<EntryKind>(bytes_.below(4));
    e.sender = user();
    e.sender_device = static_cast<uint32_t>(bytes_.number(3));
    e.client_seq = bytes_.number(12);
    e.subject = user();
    e.payload = payload();
    return e;
  }
  // A frame as the codec would let it through: what its type does not carry is zero.
  Frame frame(const std::vector<RouteId>& routes, bool of_client) {
    Frame f;
    f.type = static_cast<FrameType>(1 + bytes_.below(static_cast<uint64_t>(FrameType::count_) - 1));
    if (polite_) f.type = polite_type(of_client);
    const uint32_t fields = frame_fields(f.type);
    const auto has = [&](uint32_t field) { return (fields & field) != 0; };
    f.flags = bytes_.next();
    if (has(kFieldHops)) f.hops = bytes_.next();
    if (has(kFieldVia)) f.via = static_cast<Via>(bytes_.below(4));
    if (has(kFieldReason)) f.reason = static_cast<Reason>(bytes_.below(12));
    if (has(kFieldClientType)) f.client_type = static_cast<ClientType>(bytes_.below(4));
    if (has(kFieldDevice)) f.device = static_cast<uint32_t>(bytes_.number(3));
    if (has(kFieldNode)) f.node = node();
    if (has(kFieldUser)) f.user = user();
    if (has(kFieldNumber)) f.number = bytes_.number(16);
    if (has(kFieldGeneration)) f.generation = bytes_.number(9);
    if (has(kFieldIncarnation)) f.incarnation = bytes_.number(9);
    if (has(kFieldVersion)) f.version = bytes_.number(9);
    if (has(kFieldMask)) f.mask = bytes_.number(9);
    if (has(kFieldLoad)) f.load = bytes_.number(100);
    if (has(kFieldBase)) f.base = bytes_.number(12);
    if (has(kFieldRoute)) {
      const uint8_t pick = bytes_.next();
      f.route = routes.empty() || pick >= 0xe0 ? RouteId{pick} : routes[pick % routes.size()];
    }
    if (has(kFieldNodes)) {
      for (uint64_t n = bytes_.below(4); n > 0; --n) f.nodes.insert(node());
    }
    if (has(kFieldConversation)) {
      const Entry e = entry();
      f.entry.conversation = e.conversation;
      if (has(kFieldPosition)) f.entry.position = e.position;
      if (has(kFieldKind)) f.entry.kind = e.kind;
      if (has(kFieldSender)) f.entry.sender = e.sender;
      if (has(kFieldSender)) f.entry.sender_device = e.sender_device;
      if (has(kFieldClientSeq)) f.entry.client_seq = e.client_seq;
      if (has(kFieldSubject)) f.entry.subject = e.subject;
      if (has(kFieldPayload)) f.entry.payload = e.payload;
    }
    if (has(kFieldList)) f.list = list(f.type);
    return f;
  }

  DirectoryReply reply(const DirectoryOp& op) {
    DirectoryReply r;
    r.kind = op.kind;
    r.result = polite_ ? DirectoryResult::ok : static_cast<DirectoryResult>(bytes_.below(3));
    r.identity = polite_ ? 1 : 1 + bytes_.below(2);
    r.generation = bytes_.number(9);
    r.record = record(op.user);
    if (op.kind == DirectoryOpKind::bind && r.result == DirectoryResult::ok) {
      r.record.rows.push_back(op.row);
    }
    for (uint64_t n = bytes_.below(3); n > 0; --n) r.losers.push_back(row());
    if (op.users != nullptr) {
      auto records = std::make_shared<std::vector<UserRecord>>();
      for (const UserId user : *op.users) records->push_back(record(user));
      r.records = records;
    }
    if (op.claims != nullptr) {
      auto verdicts = std::make_shared<std::vector<SessionVerdict>>();
      for (const SessionClaim& claim : *op.claims) {
        if (polite_ || bytes_.flip()) continue;
        const bool missing = bytes_.flip();
        verdicts->push_back(
            {claim.key, claim.generation, missing, bytes_.number(9), bytes_.flip()});
      }
      r.verdicts = verdicts;
    }
    return r;
  }
  MailboxReply reply(const MailboxOp& op) {
    MailboxReply r;
    r.kind = op.kind;
    r.result = polite_ ? MailboxResult::ok : static_cast<MailboxResult>(bytes_.below(7));
    r.identity = polite_ ? 1 : 1 + bytes_.below(2);
    r.position = position();
    r.head = position();
    r.next = r.head;
    r.expected = bytes_.number(12);
    r.skipped = bytes_.number(12);
    r.members_version = bytes_.number(9);
    r.index_version = bytes_.number(9);
    r.first_bind = bytes_.flip();
    r.member = bytes_.flip();
    if (op.kind == MailboxOpKind::read) read_entries(op, r);
    if (bytes_.flip()) {
      auto members = std::make_shared<std::vector<UserId>>();
      for (uint64_t n = bytes_.below(5); n > 0; --n) members->push_back(user());
      r.members = members;
    }
    auto conversations = std::make_shared<std::vector<ConversationState>>();
    auto ahead = std::make_shared<std::vector<CompareItem>>();
    for (uint64_t n = bytes_.below(4); n > 0; --n) {
      const ConversationId id = conversation();
      const Position head = position(), cursor = position();
      conversations->push_back({id, head, cursor, bytes_.flip()});
      ahead->push_back({bytes_.flip() ? id : ConversationId{}, user(), head, bytes_.number(9)});
    }
    r.conversations = conversations;
    r.ahead = ahead;
    return r;
  }
  RegistryReply reply(const RegistryOp& op) {
    RegistryReply r;
    r.kind = op.kind;
    r.session = 1 + bytes_.below(9);
    r.incarnation = 1 + bytes_.below(9);
    r.epoch = static_cast<uint32_t>(bytes_.below(3));
    auto view = std::make_shared<ClusterView>();
    view->version = bytes_.number(16);
    for (uint32_t n = 0; n <= kServers; ++n) {
      if (bytes_.below(4) == 0) continue;
      view->members.push_back({NodeId{n}, 1 + n % 2, 1 + bytes_.below(9), bytes_.below(8) == 0});
    }
    r.view = view;
    return r;
  }

 private:
  FrameType polite_type(bool of_client) {
    static constexpr FrameType kClient[] = {FrameType::bind, FrameType::bind, FrameType::send,
                                            FrameType::send, FrameType::send, FrameType::ack,
                                            FrameType::ping, FrameType::login};
    static constexpr FrameType kPeer[] = {
        FrameType::push,   FrameType::push,   FrameType::route_ack, FrameType::nack,
        FrameType::beacon, FrameType::owners, FrameType::resolved,  FrameType::forward};
    return of_client ? kClient[bytes_.below(8)] : kPeer[bytes_.below(8)];
  }
  DeviceRow row() {
    DeviceRow r;
    r.device = static_cast<uint32_t>(bytes_.below(3));
    r.client_type = static_cast<ClientType>(bytes_.below(4));
    r.state = static_cast<ConnectState>(bytes_.below(3));
    r.node = node();
    r.incarnation = 1 + bytes_.below(9);
    r.link = LinkId{bytes_.below(6)};
    r.generation = bytes_.number(9);
    return r;
  }
  UserRecord record(UserId user) {
    UserRecord r;
    r.user = user;
    r.version = bytes_.number(9);
    for (uint64_t n = bytes_.below(4); n > 0; --n) r.rows.push_back(row());
    return r;
  }
  // A store returns entries of the conversation asked for, in rising order.
  void read_entries(const MailboxOp& op, MailboxReply& r) {
    auto entries = std::make_shared<std::vector<Entry>>();
    Position at = op.from;
    for (uint64_t n = bytes_.below(5); n > 0 && entries->size() < op.limit; --n) {
      if (at.seq > 1000) break;
      at.seq += 1 + bytes_.below(2);
      Entry e = entry();
      e.conversation = op.entry.conversation;
      e.position = at;
      entries->push_back(e);
    }
    r.next = at;
    r.entries = entries;
  }

  Bytes& bytes_;
  BlobPool& pool_;
  const bool polite_;
};

// Drives one machine. `Servers`: it has client links (Node, Router); a Client takes commands.
template <class Machine>
class ByteWorld {
 public:
  ByteWorld(Machine& machine, Bytes& bytes, BlobPool& pool, bool polite = false)
      : machine_(machine), bytes_(bytes), make_(bytes, pool, polite), polite_(polite) {
    step(Wake{});
  }

  void run(bool has_clients, bool is_client) {
    for (uint32_t moves = 0; !bytes_.empty() && moves < 2000; ++moves) {
      switch (bytes_.below(12)) {
        case 0:
          if (has_clients && links_.size() < 6) client_up();
          break;
        case 1:
          if (!polite_ || bytes_.below(8) == 0) client_down();
          break;
        case 2:
        case 3:
          client_frame();
          break;
        case 4:
          peer_change();
          break;
        case 5:
        case 6:
          peer_frame();
          break;
        case 7:
        case 8:
          answer();
          break;
        case 9:
          pass_time();
          break;
        case 10:
          if (bytes_.flip()) {
            step(ViewChanged{});
          } else {
            step(BusFrame{frame_ = make_.frame(routes_, false)});
          }
          break;
        default:
          command(is_client);
      }
    }
  }

 private:
  void client_up() {
    links_.insert(++last_link_);
    step(ClientUp{LinkId{last_link_}});
  }
  void client_down() {
    if (links_.empty()) return;
    const uint64_t link = pick(links_);
    links_.erase(link);
    step(ClientDown{LinkId{link}, Reason::reset});
  }
  void client_frame() {
    if (links_.empty()) return;
    const LinkId link{pick(links_)};
    frame_ = make_.frame(routes_, true);
    step(ClientFrame{link, frame_});
  }
  void peer_change() {
    const Address peer = address();
    if (peers_.erase(peer) != 0) {
      step(PeerDown{peer, Reason::reset});
    } else {
      peers_.insert(peer);
      step(PeerUp{peer});
    }
  }
  void peer_frame() {
    if (peers_.empty()) return;
    const Address peer = pick(peers_);
    if (peer == kBusAddress) return;
    frame_ = make_.frame(routes_, false);
    step(PeerFrame{peer, frame_});
  }
  void answer() {
    if (operations_.empty()) return;
    const size_t i = bytes_.below(operations_.size());
    const StoreOp asked = operations_[i];
    operations_.erase(operations_.begin() + static_cast<std::ptrdiff_t>(i));
    const uint64_t how = polite_ ? 8 : bytes_.below(8);
    std::visit(
        [&](const auto& op) {
          Reply reply{op.id, how == 0   ? ReplyStatus::error
                             : how == 1 ? ReplyStatus::unknown
                                        : ReplyStatus::ok};
          const auto answer = make_.reply(op);
          if (reply.status == ReplyStatus::ok) point(reply, answer);
          step(reply);
        },
        asked.op);
  }
  static void point(Reply& reply, const DirectoryReply& r) { reply.directory = &r; }
  static void point(Reply& reply, const MailboxReply& r) { reply.mailbox = &r; }
  static void point(Reply& reply, const RegistryReply& r) { reply.registry = &r; }

  void pass_time() {
    static constexpr DurationNs kSteps[] = {1, kMillisecond, 100 * kMillisecond, kSecond,
                                            10 * kSecond};
    now_ += kSteps[bytes_.below(polite_ ? 3 : 5)];
    if (!polite_ && bytes_.flip()) return;  // a pause: the wake-up comes later
    // Timers that are due must make progress: a machine that re-arms for "now" would hang a driver.
    uint32_t wakes = 0;
    while (machine_.next_deadline() <= now_) {
      step(Wake{});
      require(++wakes < 10'000);
    }
  }
  void command(bool is_client) {
    Command c;
    c.kind = is_client ? static_cast<CommandKind>(1 + bytes_.below(6)) : CommandKind::drain;
    if (!is_client && (polite_ || bytes_.below(8) != 0)) return;
    c.conversation = make_.conversation();
    if (c.kind == CommandKind::join || c.kind == CommandKind::leave) {
      c.conversation = ConversationId::group(bytes_.below(2));
    }
    c.payload = make_.payload();
    c.tag = ++last_tag_;
    step(c);
  }

  void step(const Event& event) {
    effects_.clear();
    machine_.step(Now{now_}, event, effects_);
    require(effects_.size() < 100'000);
    for (Effect& effect : effects_) {
      if (const auto* op = std::get_if<StoreOp>(&effect)) operations_.push_back(*op);
      if (const auto* sent = std::get_if<SendPeer>(&effect)) remember(sent->frame);
      if (const auto* sent = std::get_if<SendMesh>(&effect)) remember(sent->frame);
      if (const auto* sent = std::get_if<Publish>(&effect)) remember(sent->frame);
      if (const auto* closed = std::get_if<CloseClient>(&effect)) links_.erase(closed->link.value);
      if (const auto* closed = std::get_if<ClosePeer>(&effect)) peers_.erase(closed->peer);
    }
    effects_.clear();
  }
  void remember(const Frame& frame) {
    if (frame.route.value == 0) return;
    if (routes_.size() >= 8) routes_.erase(routes_.begin());
    routes_.push_back(frame.route);
  }
  Address address() {
    const uint64_t n = bytes_.below(2 * kServers + 1);
    if (n == 2 * kServers) return kBusAddress;
    return n < kServers ? address_of(NodeId{static_cast<uint32_t>(n + 1)})
                        : address_of(RouterId{static_cast<uint32_t>(n - kServers)});
  }
  template <class T>
  T pick(const std::set<T>& from) {
    auto it = from.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(bytes_.below(from.size())));
    return *it;
  }

  Machine& machine_;
  Bytes& bytes_;
  Maker make_;
  const bool polite_;
  Effects effects_;
  MonoTime now_ = kSecond;
  Frame frame_;
  std::set<uint64_t> links_;
  std::set<Address> peers_;
  std::vector<StoreOp> operations_;
  std::vector<RouteId> routes_;
  uint64_t last_link_ = 0, last_tag_ = 0;
};

// What the first bytes of an input choose.
inline StrategyConfig fuzzed_strategy(Bytes& bytes) {
  StrategyConfig c;
  c.kind = static_cast<StrategyKind>(bytes.below(4));
  c.mode = static_cast<CentralMode>(bytes.below(2));
  c.placement.kind = static_cast<PlacementKind>(bytes.below(4));
  c.placement.points_per_node = 8;
  c.bus = static_cast<BusKind>(bytes.below(2));
  c.cache_entries = bytes.flip() ? 4 : 0;
  c.hints = bytes.flip();
  return c;
}
inline DeliveryConfig fuzzed_delivery(Bytes& bytes) {
  DeliveryConfig c;
  c.guarantee = static_cast<Guarantee>(bytes.below(2));
  c.order = static_cast<Order>(bytes.below(3));
  c.window = 1 + static_cast<uint32_t>(bytes.below(8));
  return c;
}

}  // namespace imroute
