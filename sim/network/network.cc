#include "sim/network/network.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "core/base/rng.h"
#include "sim/network/by_value.h"

namespace imroute {

namespace {

constexpr uint8_t kClientLink = 0, kPeerLink = 1;

}  // namespace

Network::Network(const Layout& layout, const NetworkConfig& config, uint64_t seed,
                 EventQueue& queue, uint64_t tag, BlobPool& pool, NetworkHost& host)
    : layout_(layout),
      queue_(queue),
      tag_(tag),
      pool_(pool),
      host_(host),
      rules_(layout),
      by_value_(config.by_value),
      seed_(Rng::stream(seed, "latency").next()),
      latency_{LatencyTable(config.client.latency), LatencyTable(config.peer.latency),
               LatencyTable(config.service.latency)},
      bandwidth_{config.client.bandwidth_bits_per_second, config.peer.bandwidth_bits_per_second,
                 config.service.bandwidth_bits_per_second},
      queue_bytes_{config.client.queue_bytes, config.peer.queue_bytes, config.service.queue_bytes},
      view_(size_t{layout.servers()} * layout.servers(), kNone),
      first_(layout.endpoints(), kNone),
      dialled_(layout.endpoints(), 0),
      listening_(layout.endpoints(), 0),
      hello_(layout.endpoints()),
      foreign_links_(layout.endpoints(), 0) {}

Network::~Network() = default;

// ---- who is connected with whom

uint32_t& Network::view(Endpoint from, Endpoint to) {
  return view_[size_t{layout_.server_index(from)} * layout_.servers() + layout_.server_index(to)];
}

uint32_t Network::find(Endpoint from, Endpoint to) const {
  if (layout_.is_server(from) && layout_.is_server(to)) {
    return view_[size_t{layout_.server_index(from)} * layout_.servers() + layout_.server_index(to)];
  }
  for (uint32_t c = first_[from]; c != kNone;) {
    const Conn& conn = conns_[c];
    const uint8_t side = side_of(conn, from);
    if (conn.end[1 - side] == to) return c;
    c = conn.next[side];
  }
  return kNone;
}

LinkId Network::link_id(uint32_t conn) const {
  return LinkId{uint64_t{conns_[conn].generation} << 32 | (uint64_t{conn} + 1)};
}

// The link name of an end: only the server's end of a client's connection has one.
LinkId Network::link_at(uint32_t conn, uint8_t side) const {
  const Conn& c = conns_[conn];
  return c.link_class == kClientLink && side == 1 ? link_id(conn) : kNoLink;
}

uint32_t Network::conn_of_link(Endpoint server, LinkId link, uint8_t& side) const {
  const uint64_t number = (link.value & 0xffffffffu);
  if (number == 0 || number > conn_slots_) return kNone;
  const auto index = static_cast<uint32_t>(number - 1);
  const Conn& conn = conns_[index];
  if (!conn.alive || link_id(index) != link || conn.end[1] != server) return kNone;
  side = 1;
  return conn.state[1] == End::up ? index : kNone;
}

void Network::open_end(uint32_t index, uint8_t side, End state) {
  Conn& conn = conns_[index];
  const Endpoint e = conn.end[side];
  conn.state[side] = state;
  conn.prev[side] = kNone;
  conn.next[side] = first_[e];
  if (first_[e] != kNone) {
    Conn& head = conns_[first_[e]];
    head.prev[side_of(head, e)] = index;
  }
  first_[e] = index;
  if (conn.link_class == kPeerLink) view(e, conn.end[1 - side]) = index;
}

void Network::close_end(uint32_t index, uint8_t side) {
  Conn& conn = conns_[index];
  if (conn.state[side] == End::closed) return;
  const Endpoint e = conn.end[side];
  conn.state[side] = End::closed;
  if (conn.prev[side] == kNone) {
    first_[e] = conn.next[side];
  } else {
    Conn& before = conns_[conn.prev[side]];
    before.next[side_of(before, e)] = conn.next[side];
  }
  if (conn.next[side] != kNone) {
    Conn& after = conns_[conn.next[side]];
    after.prev[side_of(after, e)] = conn.prev[side];
  }
  if (conn.link_class == kPeerLink && view(e, conn.end[1 - side]) == index) {
    view(e, conn.end[1 - side]) = kNone;
  }
}

// Frees the connection once nothing can name it any more.
void Network::settle(uint32_t index) {
  Conn& conn = conns_[index];
  if (!conn.alive || conn.under_way != 0) return;
  if (conn.state[0] != End::closed || conn.state[1] != End::closed) return;
  conn.alive = false;
  ++conn.generation;
  conns_.give(index);
}

bool Network::is_up(Endpoint from, Endpoint to) const {
  const uint32_t c = find(from, to);
  return c != kNone && conns_[c].state[side_of(conns_[c], from)] == End::up;
}

Endpoint Network::client_of(Endpoint server, LinkId link) const {
  uint8_t side = 0;
  const uint32_t c = conn_of_link(server, link, side);
  return c == kNone ? kNoEndpoint : conns_[c].end[0];
}

uint32_t Network::connections_of(Endpoint e) const {
  uint32_t n = 0;
  for (uint32_t c = first_[e]; c != kNone; c = conns_[c].next[side_of(conns_[c], e)]) ++n;
  return n;
}

// ---- what machines ask

void Network::connect(int64_t now, Endpoint from, Endpoint to) {
  if (find(from, to) != kNone) return;
  const uint32_t index = conns_.take();
  conn_slots_ = std::max(conn_slots_, index + 1);
  Conn& conn = conns_[index];
  const uint32_t generation = conn.generation;
  conn = Conn{};
  conn.generation = generation;
  conn.alive = true;
  conn.end = {from, to};
  conn.link_class = layout_.is_server(from) ? kPeerLink : kClientLink;
  conn.draw = mix64(mix64(seed_, uint64_t{from} << 32 | to), dialled_[from]++);
  conn.name = conn.draw;
  open_end(index, 0, End::dialling);
  timer(now + kConnectTimeoutNs, index, 0, FlightType::connect_timeout);
  signal(now, index, 0, FlightType::syn, Reason::none);
}

// 0 when the other end does not know frames of this type: then they are not sent.
uint32_t Network::encode_frame(const Frame& frame, uint64_t features, Payload& bytes) {
  if (frame_fields(frame.type, features) == 0) return 0;
  scratch_.clear();
  const auto size = static_cast<uint32_t>(encode(frame, 0, scratch_, features));
  if (!by_value_) bytes = pool_.copy(scratch_);
  return size;
}

uint32_t Network::send_peer(int64_t now, Endpoint from, Endpoint to, const Frame& frame) {
  const uint32_t index = find(from, to);
  if (index == kNone) return 0;
  const uint8_t side = side_of(conns_[index], from);
  if (conns_[index].state[side] != End::up) return 0;
  Payload bytes;
  const uint32_t size = encode_frame(frame, conns_[index].features, bytes);
  if (size != 0) send_frame(now, index, side, frame, bytes, size);
  return size;
}

uint32_t Network::send_link(int64_t now, Endpoint from, LinkId link, const Frame& frame) {
  uint8_t side = 0;
  const uint32_t index = conn_of_link(from, link, side);
  if (index == kNone) return 0;
  Payload bytes;
  const uint32_t size = encode_frame(frame, conns_[index].features, bytes);
  if (size != 0) send_frame(now, index, side, frame, bytes, size);
  return size;
}

// What goes to everybody is of types that no version lacks, whole with any features.
uint32_t Network::send_mesh(int64_t now, Endpoint from, const Frame& frame, uint32_t& count) {
  IM_ASSERT(frame_fields(frame.type, 0) == frame_fields(frame.type));
  Payload bytes;
  uint32_t size = 0;
  for (uint32_t i = 0; i < layout_.nodes(); ++i) {
    const Endpoint to = layout_.node(i);
    if (to == from) continue;
    const uint32_t index = view(from, to);
    if (index == kNone) continue;
    const uint8_t side = side_of(conns_[index], from);
    if (conns_[index].state[side] != End::up) continue;
    if (size == 0) size = encode_frame(frame, kAllFeatures, bytes);
    send_frame(now, index, side, frame, bytes, size);
    ++count;
  }
  return size;
}

void Network::close_peer(int64_t now, Endpoint from, Endpoint to) {
  const uint32_t index = find(from, to);
  if (index == kNone) return;
  const uint8_t side = side_of(conns_[index], from);
  const bool was_up = conns_[index].state[side] == End::up;
  close_end(index, side);
  if (was_up) signal(now, index, side, FlightType::fin, Reason::closed_by_peer);
  settle(index);
}

void Network::close_link(int64_t now, Endpoint from, LinkId link) {
  uint8_t side = 0;
  const uint32_t index = conn_of_link(from, link, side);
  if (index == kNone) return;
  close_end(index, side);
  signal(now, index, side, FlightType::fin, Reason::closed_by_peer);
  settle(index);
}

void Network::process_died(int64_t now, Endpoint e) {
  listening_[e] = 0;
  while (first_[e] != kNone) {
    const uint32_t index = first_[e];
    const uint8_t side = side_of(conns_[index], e);
    close_end(index, side);
    drop_held(index, side);
    signal(now, index, side, FlightType::reset, Reason::reset);
    settle(index);
  }
}

// ---- flights

uint32_t Network::make_flight(uint32_t conn, uint8_t side, FlightType type, Reason reason) {
  const uint32_t index = flights_.take();
  Flight& flight = flights_[index];
  flight.conn = conn;
  flight.next = kNone;
  flight.size = 0;
  flight.object = kNone;
  flight.type = type;
  flight.side = side;
  flight.reason = reason;
  ++conns_[conn].under_way;
  return index;
}

void Network::send_frame(int64_t now, uint32_t conn, uint8_t side, const Frame& frame,
                         const Payload& bytes, uint32_t size) {
  const uint32_t index = make_flight(conn, side, FlightType::frame, Reason::none);
  Flight& flight = flights_[index];
  flight.size = size;
  if (by_value_) {
    flight.object = objects_.take();
    objects_[flight.object] = frame;
    keep_carried(objects_[flight.object], conns_[conn].features);
  } else {
    flight.bytes = bytes;
  }
  transmit(now, index);
}

void Network::signal(int64_t now, uint32_t conn, uint8_t side, FlightType type, Reason reason) {
  transmit(now, make_flight(conn, side, type, reason));
}

void Network::timer(int64_t at, uint32_t conn, uint8_t side, FlightType type) {
  queue_.push(at, EventPriority::normal, tag_ | make_flight(conn, side, type, Reason::timeout));
}

void Network::transmit(int64_t now, uint32_t index) {
  Flight& flight = flights_[index];
  Conn& conn = conns_[flight.conn];
  if (conn.swallows) return drop_flight(index, true);
  Direction& out = conn.out[flight.side];
  if (out.held_head != kNone) {
    flights_[out.held_tail].next = index;
    out.held_tail = index;
    return;
  }
  EdgeVerdict verdict;
  if (!rules_.empty()) {
    const Endpoint from = conn.end[flight.side], to = conn.end[1 - flight.side];
    const bool dialling = flight.type == FlightType::syn;
    verdict = rules_.verdict(from, to, conn.name, dialling);
    if (verdict.hang) return drop_flight(index, false);
    if (verdict.blocked && verdict.disposition == Disposition::reset) {
      const uint32_t broken = flight.conn;
      drop_flight(index, true);
      return break_conn(now, broken, Reason::refused);
    }
    if (verdict.blocked) return hold(now, index, verdict.disposition);
  }
  launch(now, index, verdict);
}

void Network::launch(int64_t now, uint32_t index, const EdgeVerdict& verdict) {
  Flight& flight = flights_[index];
  Conn& conn = conns_[flight.conn];
  Direction& out = conn.out[flight.side];
  int64_t depart = now;
  uint64_t rate = bandwidth_[conn.link_class];
  if (verdict.rate_bits_per_second != 0 && (rate == 0 || verdict.rate_bits_per_second < rate)) {
    rate = verdict.rate_bits_per_second;
  }
  if (rate != 0 && flight.size != 0) {
    const int64_t start = std::max(now, out.busy_until);
    const auto nanoseconds = static_cast<unsigned __int128>(flight.size) * 8'000'000'000ull / rate;
    depart = start + static_cast<int64_t>(nanoseconds);
    out.busy_until = depart;
    const uint64_t limit = queue_bytes_[conn.link_class];
    const auto backlog = static_cast<unsigned __int128>(depart - now) * rate / 8'000'000'000ull;
    if (limit != 0 && backlog > limit) {
      const uint32_t broken = flight.conn;
      drop_flight(index, true);
      return break_conn(now, broken, Reason::slow_reader);
    }
  }
  int64_t arrival = depart + latency_[conn.link_class].draw(mix64(conn.draw++)) + verdict.delay_ns;
  if (verdict.loss_ppm != 0) {
    uint32_t lost = 0;
    while (mix64(conn.draw++) % 1'000'000 < verdict.loss_ppm) {
      arrival += kRetransmitNs << lost;
      // Nothing may overtake it: it waits, and what is sent after it, until the fault ends or the
      // stream gives up.
      if (++lost == kRetransmissions) return hold(now, index, Disposition::drop);
    }
  }
  arrival = std::max(arrival, out.last_arrival + 1);
  out.last_arrival = arrival;
  if (!rules_.empty()) late_until_ = std::max(late_until_, arrival);
  queue_.push(arrival, EventPriority::normal, tag_ | index);
}

void Network::hold(int64_t now, uint32_t index, Disposition disposition) {
  const Flight& flight = flights_[index];
  Direction& out = conns_[flight.conn].out[flight.side];
  out.held_head = out.held_tail = index;
  out.held_since = now;
  out.held_by_drop = disposition == Disposition::drop;
  if (out.held_by_drop) {
    timer(now + kRetransmitLimitNs, flight.conn, flight.side, FlightType::give_up);
  }
  if (!out.listed) {
    out.listed = true;
    held_.push_back({flight.conn, conns_[flight.conn].generation, flight.side});
  }
}

// Ends a flight. `lost`: a frame that was sent and will not arrive.
void Network::drop_flight(uint32_t index, bool lost) {
  Flight& flight = flights_[index];
  const uint32_t conn = flight.conn;
  if (lost && flight.type == FlightType::frame) {
    ++dropped_;
    if (report_lost_) {
      const Conn& c = conns_[conn];
      host_.on_lost(c.end[flight.side], c.end[1 - flight.side], object_of(flight));
      decoded_ = Frame{};
    }
  }
  flight.bytes = Payload{};
  if (flight.object != kNone) {
    objects_[flight.object].entry.payload = Payload{};
    objects_[flight.object].list = Payload{};
    objects_.give(flight.object);
  }
  flights_.give(index);
  --conns_[conn].under_way;
}

void Network::drop_held(uint32_t conn, uint8_t side) {
  Direction& out = conns_[conn].out[side];
  uint32_t at = out.held_head;
  out.held_head = out.held_tail = kNone;
  while (at != kNone) {
    const uint32_t next = flights_[at].next;
    drop_flight(at, true);
    at = next;
  }
}

void Network::flush_held(int64_t now, uint32_t conn, uint8_t side) {
  Direction& out = conns_[conn].out[side];
  uint32_t at = out.held_head;
  out.held_head = out.held_tail = kNone;
  while (at != kNone) {
    const uint32_t next = flights_[at].next;
    flights_[at].next = kNone;
    transmit(now, at);  // may be held again, then the rest follows it
    at = next;
  }
}

void Network::release_held(int64_t now) {
  const std::vector<Held> visited = std::move(held_);
  held_.clear();
  for (const Held& held : visited) {
    Conn& conn = conns_[held.conn];
    if (!conn.alive || conn.generation != held.generation) continue;
    Direction& out = conn.out[held.side];
    out.listed = false;
    if (out.held_head == kNone) continue;
    const EdgeVerdict verdict =
        rules_.verdict(conn.end[held.side], conn.end[1 - held.side], conn.name);
    if (verdict.blocked) {
      out.listed = true;
      held_.push_back(held);
      continue;
    }
    if (!out.held_by_drop) {
      flush_held(now, held.conn, held.side);
      continue;
    }
    int64_t next = out.held_since, wait = kRetransmitNs;
    while (next < now) {
      next += wait;
      wait *= 2;
    }
    out.listed = true;
    held_.push_back(held);
    late_until_ = std::max(late_until_, next);
    timer(next, held.conn, held.side, FlightType::flush);
  }
}

// A reset appears at one end at a given time, whatever is under way.
void Network::show_reset(int64_t at, uint32_t conn, uint8_t to, Reason reason) {
  const auto from = static_cast<uint8_t>(1 - to);
  queue_.push(at, EventPriority::normal, tag_ | make_flight(conn, from, FlightType::reset, reason));
}

void Network::break_conn(int64_t now, uint32_t index, Reason reason) {
  Conn& conn = conns_[index];
  ++conn.under_way;
  for (uint8_t side = 0; side < 2; ++side) {
    drop_held(index, side);
    if (conn.state[side] != End::closed) show_reset(now, index, side, reason);
  }
  --conn.under_way;
  settle(index);
}

// ---- arrivals

Endpoint Network::destination(uint32_t index) const {
  const Flight& flight = flights_[index];
  const bool own = flight.type >= FlightType::flush;
  return conns_[flight.conn].end[own ? flight.side : 1 - flight.side];
}

void Network::arrive(int64_t now, uint32_t index) {
  Flight& flight = flights_[index];
  const uint32_t conn = flight.conn;
  const auto to = static_cast<uint8_t>(1 - flight.side);
  const FlightType type = flight.type;
  const uint8_t side = flight.side;
  const Reason reason = flight.reason;
  ++conns_[conn].under_way;  // stays while its machines are told
  if (type == FlightType::frame) {
    on_frame(now, conn, to, index);
  } else {
    drop_flight(index, false);
    switch (type) {
      case FlightType::syn:
        on_syn(now, conn);
        break;
      case FlightType::syn_ack:
        on_syn_ack(now, conn);
        break;
      case FlightType::fin:
      case FlightType::reset:
        on_end(conn, to, type, reason);
        break;
      default:
        on_timer(now, conn, side, type);
        break;
    }
  }
  --conns_[conn].under_way;
  settle(conn);
}

const Frame& Network::object_of(Flight& flight) {
  if (flight.object != kNone) return objects_[flight.object];
  const Decoded decoded =
      decode(flight.bytes.bytes(), decoded_, pool_, conns_[flight.conn].features);
  IM_ASSERT(decoded.status == ReadStatus::frame);
  return decoded_;
}

void Network::on_frame(int64_t now, uint32_t index, uint8_t to, uint32_t flight) {
  Conn& conn = conns_[index];
  if (conn.state[to] != End::up || conn.swallows) {
    const bool answer = conn.state[to] == End::closed && conn.state[1 - to] == End::up;
    drop_flight(flight, true);
    if (answer) signal(now, index, to, FlightType::reset, Reason::reset);
    return;
  }
  host_.on_frame(conn.end[to], conn.end[1 - to], link_at(index, to), object_of(flights_[flight]));
  decoded_.entry.payload = Payload{};
  decoded_.list = Payload{};
  drop_flight(flight, false);
}

void Network::on_syn(int64_t now, uint32_t index) {
  Conn& conn = conns_[index];
  if (conn.state[0] != End::dialling || conn.state[1] != End::closed) return;
  const Endpoint at = conn.end[1], from = conn.end[0];
  if (listening_[at] == 0) return signal(now, index, 1, FlightType::reset, Reason::refused);
  if (conn.link_class == kPeerLink) {
    const uint32_t old = view(at, from);
    if (old != kNone) {
      // The dialler has forgotten that connection; this end has not noticed yet. A dial of our own
      // under way gives way to the lower endpoint's.
      const uint8_t side = side_of(conns_[old], at);
      const bool was_up = conns_[old].state[side] == End::up;
      if (!was_up && at < from) return signal(now, index, 1, FlightType::reset, Reason::refused);
      close_end(old, side);
      drop_held(old, side);
      settle(old);
      if (was_up) host_.on_down(at, from, kNoLink, Reason::reset);
      if (view(at, from) != kNone || listening_[at] == 0) {
        return signal(now, index, 1, FlightType::reset, Reason::refused);
      }
    }
  }
  if (!agree_on_version(conn)) {
    return signal(now, index, 1, FlightType::reset, Reason::version_refused);
  }
  open_end(index, 1, End::up);
  signal(now, index, 1, FlightType::syn_ack, Reason::none);
  host_.on_up(at, from, link_at(index, 1));
}

// Both ends say HELLO at once and need not wait for the other's, so it rides with the dial and its
// answer. False when they have no version in common, which both find out by themselves.
bool Network::agree_on_version(Conn& conn) {
  const Hello& dialler = hello_[conn.end[0]];
  const Hello& listener = hello_[conn.end[1]];
  scratch_.clear();
  encode_hello(dialler, scratch_);
  const Agreement agreement = agree(listener, scratch_, pool_);
  scratch_.clear();
  encode_hello(listener, scratch_);
  IM_ASSERT(agree(dialler, scratch_, pool_) == agreement);
  if (agreement.refused != Reason::none || agreement.features != kAllFeatures) {
    for (const Endpoint e : conn.end) ++foreign_links_[e];
  }
  conn.features = agreement.features;
  return agreement.refused == Reason::none;
}

void Network::on_syn_ack(int64_t now, uint32_t index) {
  Conn& conn = conns_[index];
  if (conn.state[0] != End::dialling) {
    if (conn.state[1] == End::up) signal(now, index, 0, FlightType::reset, Reason::reset);
    return;
  }
  conn.state[0] = End::up;
  host_.on_up(conn.end[0], conn.end[1], kNoLink);
}

void Network::on_end(uint32_t index, uint8_t to, FlightType type, Reason reason) {
  Conn& conn = conns_[index];
  if (conn.state[to] == End::closed || conn.swallows) return;
  const LinkId link = link_at(index, to);
  // A fin follows what was sent before it; a dialler that sees one was not let in.
  const Reason why =
      type == FlightType::fin && conn.state[to] == End::dialling ? Reason::refused : reason;
  close_end(index, to);
  drop_held(index, to);
  host_.on_down(conn.end[to], conn.end[1 - to], link, why);
}

void Network::on_timer(int64_t now, uint32_t index, uint8_t side, FlightType type) {
  Conn& conn = conns_[index];
  Direction& out = conn.out[side];
  if (type == FlightType::flush) {
    if (out.held_head != kNone) flush_held(now, index, side);
    return;
  }
  if (type == FlightType::give_up) {
    const bool too_long =
        out.held_head != kNone && out.held_by_drop && now - out.held_since >= kRetransmitLimitNs;
    if (!too_long) return;
    drop_held(index, side);
    if (conn.state[side] == End::closed) return;
  } else if (conn.state[side] != End::dialling) {
    return;
  }
  const LinkId link = link_at(index, side);
  close_end(index, side);
  host_.on_down(conn.end[side], conn.end[1 - side], link, Reason::timeout);
}

// ---- faults on what is connected
// -------------------------------------------------------------------------

std::vector<std::pair<uint32_t, uint8_t>> Network::matching(const EdgeMatch& match,
                                                            uint32_t probability_ppm,
                                                            uint64_t salt) const {
  std::vector<std::pair<uint32_t, uint8_t>> found;
  for (uint32_t index = 0; index < conn_slots_; ++index) {
    const Conn& conn = conns_[index];
    if (!conn.alive || conn.swallows) continue;
    if (conn.state[0] == End::closed && conn.state[1] == End::closed) continue;
    uint8_t first = 0;
    if (!match.matches(layout_, conn.end[0], conn.end[1])) {
      if (!match.matches(layout_, conn.end[1], conn.end[0])) continue;
      first = 1;
    } else if (match.shape == EdgeMatch::Shape::pairs && (match.side[conn.end[0]] & 1) == 0) {
      first = 1;
    }
    const uint64_t draw = mix64(mix64(salt, uint64_t{conn.end[0]} << 32 | conn.end[1]), index);
    if (draw % 1'000'000 < probability_ppm) found.emplace_back(index, first);
  }
  return found;
}

uint32_t Network::break_matching(int64_t now, const EdgeMatch& match, uint32_t probability_ppm,
                                 uint8_t sides, uint64_t salt) {
  uint32_t broken = 0;
  for (const auto& [index, first] : matching(match, probability_ppm, salt)) {
    Conn& conn = conns_[index];
    ++conn.under_way;
    for (uint8_t side = 0; side < 2; ++side) {
      const bool sees = (sides & (side == first ? 1 : 2)) != 0;
      if (sees) drop_held(index, side);
      if (sees && conn.state[side] != End::closed) show_reset(now, index, side, Reason::reset);
    }
    --conn.under_way;
    settle(index);
    ++broken;
  }
  return broken;
}

uint32_t Network::swallow_matching(const EdgeMatch& match, uint32_t probability_ppm,
                                   uint64_t salt) {
  const auto found = matching(match, probability_ppm, salt);
  for (const auto& [index, first] : found) {
    conns_[index].swallows = true;
    ++conns_[index].under_way;
    drop_held(index, 0);
    drop_held(index, 1);
    --conns_[index].under_way;
  }
  return static_cast<uint32_t>(found.size());
}

uint32_t Network::split_matching(int64_t now, const EdgeMatch& match, uint32_t probability_ppm,
                                 DurationNs delay, uint64_t salt) {
  uint32_t split = 0;
  for (const auto& [index, first] : matching(match, probability_ppm, salt)) {
    Conn& conn = conns_[index];
    if (conn.state[0] != End::up || conn.state[1] != End::up) continue;
    show_reset(now, index, 0, Reason::reset);
    show_reset(now + delay, index, 1, Reason::reset);
    conn.out[0].last_arrival = std::max(conn.out[0].last_arrival, now + delay / 2);
    ++split;
  }
  return split;
}

uint32_t Network::break_all(int64_t now, Endpoint e) {
  std::vector<uint32_t> mine;
  for (uint32_t c = first_[e]; c != kNone; c = conns_[c].next[side_of(conns_[c], e)]) {
    mine.push_back(c);
  }
  for (uint32_t c : mine) break_conn(now, c, Reason::reset);
  return static_cast<uint32_t>(mine.size());
}

}  // namespace imroute
