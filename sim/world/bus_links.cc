#include "sim/world/bus_links.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "core/base/rng.h"

namespace imroute {

namespace {
constexpr DurationNs kRetryNs = 500 * kMillisecond;  // between attempts to subscribe
constexpr DurationNs kReorderNs = 100 * kMillisecond;
}  // namespace

BusLinks::BusLinks(const Layout& layout, const NetworkConfig& config, uint64_t seed,
                   EventQueue& queue, EdgeRules& rules, BlobPool& pool, BusHost& host)
    : layout_(layout),
      queue_(queue),
      rules_(rules),
      pool_(pool),
      host_(host),
      latency_(config.service.latency),
      bus_(layout.nodes(), config.service.queue_bytes),
      subscribers_(layout.nodes()) {
  const uint64_t named = Rng::stream(seed, "bus-latency").next();
  for (size_t i = 0; i < subscribers_.size(); ++i) subscribers_[i].draw = mix64(named, i);
}

void BusLinks::push(int64_t at, Type type, Endpoint node, uint32_t stamp, const Payload& bytes,
                    uint32_t size) {
  const uint32_t index = flights_.take();
  flights_[index] = Flight{type, node, stamp, size, bytes};
  queue_.push(at, EventPriority::normal, what(WorldEvent::bus, index));
}

void BusLinks::start(int64_t now, Endpoint node) {
  Subscriber& s = of(node);
  s.running = true;
  if (s.up || s.trying) return;
  s.trying = true;
  push(now + latency_.draw(mix64(s.draw++)), Type::up, node, ++s.stamp, {}, 0);
}

void BusLinks::machine_died(Endpoint node) {
  Subscriber& s = of(node);
  s.running = s.up = s.trying = false;
  ++s.stamp;
  bus_.unsubscribe(NodeId{layout_.index(node)});
}

// The subscription ends; the node is told, and tries again unless an outage holds.
void BusLinks::disconnect(int64_t now, Endpoint node, Reason reason) {
  Subscriber& s = of(node);
  if (!s.up) return;
  s.up = false;
  s.trying = true;
  bus_.unsubscribe(NodeId{layout_.index(node)});
  push(now, Type::retry, node, ++s.stamp, {}, static_cast<uint32_t>(reason));
}

void BusLinks::publish(int64_t now, Endpoint from, const Frame& frame) {
  Subscriber& s = of(from);
  if (!s.up) {
    if (report_lost_) host_.on_bus_lost(kNoEndpoint, frame);
    return;
  }
  scratch_.clear();
  const auto size = static_cast<uint32_t>(encode(frame, 0, scratch_));
  const Payload bytes = pool_.copy(scratch_);
  host_.on_bus_sent(size, false);
  const Endpoint bus = layout_.service(Role::bus);
  EdgeVerdict verdict;
  if (!rules_.empty()) verdict = rules_.verdict(from, bus, from);
  if (verdict.blocked) {
    lost(kNoEndpoint, bytes);
    return disconnect(now, from, Reason::timeout);
  }
  s.to_bus = std::max(s.to_bus + 1, now + latency_.draw(mix64(s.draw++)) + verdict.delay_ns);
  push(s.to_bus, Type::publication, from, s.stamp, bytes, size);
}

void BusLinks::fan_out(int64_t now, Endpoint publisher, const Payload& bytes, uint32_t size) {
  if (!alive_) return lost(kNoEndpoint, bytes);
  const Endpoint bus = layout_.service(Role::bus);
  const Bus::Outcome& outcome = bus_.publish(size);
  for (NodeId id : outcome.overflow) {
    lost(layout_.node(id.value), bytes);
    disconnect(now, layout_.node(id.value), Reason::slow_reader);
  }
  for (uint32_t i = 0; report_lost_ && i < layout_.nodes(); ++i) {
    if (!subscribers_[i].up && layout_.node(i) != publisher) lost(layout_.node(i), bytes);
  }
  for (NodeId id : outcome.deliver) {
    const Endpoint node = layout_.node(id.value);
    Subscriber& s = subscribers_[id.value];
    if (!s.up) continue;
    EdgeVerdict verdict;
    if (!rules_.empty()) verdict = rules_.verdict(bus, node, node);
    if (verdict.blocked) {
      lost(node, bytes);
      disconnect(now, node, Reason::timeout);
      continue;
    }
    uint32_t copies = 1;
    if (verdict.duplicate_ppm != 0 && mix64(s.draw++) % 1'000'000 < verdict.duplicate_ppm) ++copies;
    for (uint32_t c = 0; c < copies; ++c) {
      int64_t arrival = now + latency_.draw(mix64(s.draw++)) + verdict.delay_ns;
      if (verdict.reorder_ppm != 0 && mix64(s.draw++) % 1'000'000 < verdict.reorder_ppm) {
        arrival += static_cast<int64_t>(mix64(s.draw++) % kReorderNs);
      } else {
        arrival = s.from_bus = std::max(arrival, s.from_bus + 1);
      }
      host_.on_bus_sent(size, true);
      push(arrival, Type::delivery, node, s.stamp, bytes, size);
    }
  }
}

void BusLinks::lost(Endpoint to, const Payload& bytes) {
  if (!report_lost_) return;
  const Decoded decoded = decode(bytes.bytes(), decoded_, pool_);
  IM_ASSERT(decoded.status == ReadStatus::frame);
  host_.on_bus_lost(to, decoded_);
  decoded_ = Frame{};
}

uint32_t BusLinks::begin_outage(int64_t now, Endpoint node) {
  uint32_t hit = 0;
  for (uint32_t i = 0; i < layout_.nodes(); ++i) {
    if (node != kNoEndpoint && layout_.node(i) != node) continue;
    ++subscribers_[i].outages;
    hit += subscribers_[i].up ? 1 : 0;
    disconnect(now, layout_.node(i), Reason::reset);
  }
  return hit;
}

void BusLinks::end_outage(int64_t, Endpoint node) {
  for (uint32_t i = 0; i < layout_.nodes(); ++i) {
    if (node == kNoEndpoint || layout_.node(i) == node) --subscribers_[i].outages;
  }
}

Endpoint BusLinks::destination(uint32_t flight) const {
  const Flight& f = flights_[flight];
  return f.type == Type::publication ? layout_.service(Role::bus) : f.node;
}

void BusLinks::handle(int64_t now, uint32_t index) {
  const Flight flight = std::move(flights_[index]);
  flights_[index].bytes = Payload{};
  flights_.give(index);
  if (flight.type == Type::publication) {
    return fan_out(now, flight.node, flight.bytes, flight.size);
  }
  Subscriber& s = of(flight.node);
  if (flight.stamp != s.stamp || !s.running) {
    if (flight.type == Type::delivery) lost(flight.node, flight.bytes);
    return;
  }
  if (flight.type == Type::delivery) {
    const Decoded decoded = decode(flight.bytes.bytes(), decoded_, pool_);
    IM_ASSERT(decoded.status == ReadStatus::frame);
    const NodeId id{layout_.index(flight.node)};
    bus_.flushed(id, bus_.subscription(id), flight.size);
    host_.on_bus_frame(flight.node, decoded_);
    decoded_ = Frame{};
    return;
  }
  if (flight.type == Type::retry && flight.size != 0) {
    host_.on_bus_down(flight.node, static_cast<Reason>(flight.size));
  }
  const Endpoint bus = layout_.service(Role::bus);
  const bool cut = !rules_.empty() && (rules_.verdict(flight.node, bus, flight.node).blocked ||
                                       rules_.verdict(bus, flight.node, flight.node).blocked);
  if (flight.type == Type::retry || !alive_ || s.outages != 0 || cut) {
    const bool try_now = flight.type == Type::retry && flight.size == 0;
    const DurationNs wait = try_now ? latency_.draw(mix64(s.draw++)) : kRetryNs;
    return push(now + wait, try_now ? Type::up : Type::retry, flight.node, s.stamp, {}, 0);
  }
  s.trying = false;
  s.up = true;
  bus_.subscribe(NodeId{layout_.index(flight.node)});
  host_.on_bus_up(flight.node);
}

}  // namespace imroute
