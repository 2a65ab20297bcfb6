// What goes between machines and the rest of the world: effects out, arrivals in, users above.
#include <algorithm>

#include "core/base/assert.h"
#include "harness/trace/trace_line.h"
#include "sim/world/digest.h"
#include "sim/world/fault_driver.h"
#include "sim/world/sink.h"
#include "sim/world/trace_line.h"
#include "sim/world/world.h"

namespace imroute {

namespace {

constexpr DurationNs kClocksDiffer = 2 * kSecond;  // a router waits by its own clock

}  // namespace

// ---- effects
// -------------------------------------------------------------------------------------------

void World::Sink::handle(Connect&& effect) {
  if (effect.peer.kind == PeerKind::bus) return;  // subscribing is the driver's own job
  const Endpoint to = world.layout_.of(effect.peer);
  if (to == kNoEndpoint || to == self) return;
  world.network_->connect(world.now_, self, to);
}

void World::Sink::handle(SendClient&& effect) {
  const Endpoint to = world.network_->client_of(self, effect.link);
  const uint32_t bytes = world.network_->send_link(world.now_, self, effect.link, effect.frame);
  if (bytes == 0) {
    ++world.frames_to_nobody_;
    if (world.at_most_once_) world.on_lost(self, to, effect.frame);
    return;
  }
  world.tally_.sent(self, to, effect.frame.type, bytes);
  world.judge_service(self, effect.frame);
}

void World::Sink::handle(SendPeer&& effect) {
  const Endpoint to = world.layout_.of(effect.peer);
  const uint32_t bytes =
      to == kNoEndpoint ? 0 : world.network_->send_peer(world.now_, self, to, effect.frame);
  if (bytes == 0) {
    ++world.frames_to_nobody_;
    if (world.at_most_once_) world.on_lost(self, to, effect.frame);
    return;
  }
  world.tally_.sent(self, to, effect.frame.type, bytes);
}

void World::Sink::handle(SendMesh&& effect) {
  uint32_t count = 0;
  const uint32_t bytes = world.network_->send_mesh(world.now_, self, effect.frame, count);
  if (count != 0) world.tally_.sent(self, self, effect.frame.type, bytes, count);
}

void World::Sink::handle(Publish&& effect) { world.bus_->publish(world.now_, self, effect.frame); }

void World::Sink::handle(CloseClient&& effect) {
  world.network_->close_link(world.now_, self, effect.link);
}

void World::Sink::handle(ClosePeer&& effect) {
  const Endpoint to = world.layout_.of(effect.peer);
  if (to != kNoEndpoint && effect.peer.kind != PeerKind::bus) {
    world.network_->close_peer(world.now_, self, to);
  }
}

void World::Sink::handle(StoreOp&& effect) {
  std::visit([this](auto& op) { op.deadline = world.true_time(self, op.deadline); }, effect.op);
  world.stores_->request(world.now_, self, std::move(effect.op));
}

void World::Sink::handle(Notify&& effect) { world.notify(self, std::move(effect)); }

void World::Sink::handle(Trace&& effect) { world.trace(self, effect.record); }

// What only somebody who sees every machine at once can tell about an answer to a client.
void World::judge_service(Endpoint from, const Frame& frame) {
  if (frame.type == FrameType::deliver || frame.type == FrameType::accepted) {
    const NodeId node{layout_.index(from)};
    const int64_t since = registry_->lease_over_since(node);
    if (since == kNever || nodes_[node.value]->status().suspended) return;
    return history_->served_without_lease(now_, node, since);
  }
  if (frame.type != FrameType::login_ok || frame.node.value >= layout_.nodes()) return;
  const Machine& placed_on = machines_[layout_.node(frame.node.value)];
  const DurationNs known_after = scenario_.sessions.heartbeat_timeout() + kClocksDiffer;
  if (placed_on.alive || now_ - placed_on.died_at <= known_after) return;
  if (machines_[from].deferring) return;  // it may not have heard anything for a while
  const auto heard = last_words_.find({from, layout_.node(frame.node.value)});
  if (heard != last_words_.end() && now_ - heard->second <= known_after) return;
  history_->placed_on_dead(now_, layout_.index(from), frame.node, placed_on.died_at);
}

// ---- to the application above
// --------------------------------------------------------------------------

void World::notify(Endpoint from, Notify&& notice) {
  if (layout_.role(from) == Role::client)
    return notify_client(layout_.index(from), std::move(notice));
  if (notice.kind == NoticeKind::drained) faults_->on_drained(from);
}

void World::notify_client(uint32_t client, Notify&& n) {
  const DeviceKey key = key_of(client);
  if (effects_.tracing()) {
    const std::string line = write_notice_line(now_, trace_name(layout_.client(client)), n);
    if (!line.empty()) write_trace(line);
  }
  switch (n.kind) {
    case NoticeKind::online:
      return history_->online(now_, key, n.node, n.generation);
    case NoticeKind::offline:
      return history_->offline(now_, key, n.reason);
    case NoticeKind::accepted:
      return history_->accepted(now_, key, n.tag, n.entry);
    case NoticeKind::refused:
      return history_->refused(now_, key, n.tag, n.reason);
    case NoticeKind::shown:
      shown_ = true;
      history_->shown(now_, key, n.entry, n.via);
      if (n.entry.kind == EntryKind::message && !workload_stopped_) {
        workload_->on_shown(now_, key, n.entry);
        arm_workload();
      }
      return;
    case NoticeKind::rewound:
      return history_->rewound(now_, key, n.entry.conversation, n.entry.position);
    case NoticeKind::reset:
      return history_->reset(now_, key, n.entry.conversation, n.entry.position, n.count);
    case NoticeKind::drained:
      return;
  }
}

std::string World::trace_name(Endpoint e) const {
  if (layout_.role(e) != Role::client) return machine_name(layout_, e);
  const DeviceKey key = key_of(layout_.index(e));
  return "client:" + std::to_string(key.user.value) + "." + std::to_string(key.device);
}

void World::trace(Endpoint from, const TraceRecord& record) {
  write_trace(write_trace_line(now_, trace_name(from), record));
}

void World::write_trace(const std::string& line) {
  if (!options_.trace_sink) return;
  options_.trace_sink(line);
  written_.add(line);
}

// ---- users
// -----------------------------------------------------------------------------------------------

void World::arm_workload() {
  if (workload_stopped_) return;
  const int64_t next = workload_->next_at();
  if (next >= workload_armed_ || next >= scenario_.duration_ns) return;
  workload_armed_ = std::max(next, now_);
  schedule(workload_armed_, WorldEvent::workload, 0);
}

void World::run_workload() {
  if (workload_armed_ > now_) return;  // an earlier event has done it
  workload_armed_ = kNever;
  while (!workload_stopped_ && workload_->next_at() <= now_) {
    Action action = workload_->take();
    if (options_.action_sink) options_.action_sink(action);
    act(std::move(action));
  }
  arm_workload();
}

void World::act(Action&& action) {
  const uint32_t client = client_number(action.device);
  const Endpoint e = layout_.client(client);
  Command& command = action.command;
  if (command.kind == CommandKind::start) wanted_[client] = 1;
  if (command.kind == CommandKind::start || command.kind == CommandKind::relocate) {
    history_->started(now_, action.device);
  }
  if (command.kind == CommandKind::stop) {
    wanted_[client] = 0;
    history_->stopped(now_, action.device);
  }
  if (!machines_[e].alive) return;  // nobody there to act
  const uint64_t digest = mix64(static_cast<uint64_t>(command.kind), command.tag);
  if (const auto kind = entry_kind(command.kind)) {
    history_->sent(now_, action.device, command.tag, command.conversation, *kind, command.payload,
                   action.answers_tag);
    if (effects_.tracing()) {
      write_trace(write_sent_line(now_, trace_name(e), command.conversation, command.tag));
    }
  }
  step(e, std::move(command), digest);
}

// ---- from the network
// ------------------------------------------------------------------------------------

void World::on_up(Endpoint at, Endpoint from, LinkId link) {
  note_last_words(at, from);
  if (link != kNoLink) return step(at, ClientUp{link}, link.value);
  step(at, PeerUp{layout_.address(from)}, from);
}

void World::on_down(Endpoint at, Endpoint from, LinkId link, Reason reason) {
  const auto why = static_cast<uint64_t>(reason);
  if (link != kNoLink) return step(at, ClientDown{link, reason}, mix64(link.value, why));
  step(at, PeerDown{layout_.address(from), reason}, mix64(from, why));
}

void World::on_frame(Endpoint at, Endpoint from, LinkId link, const Frame& frame) {
  tally_.arrived(at, frame.type);
  note_last_words(at, from);
  const uint64_t digest = digest_of(frame);
  if (link != kNoLink) return step(at, ClientFrame{link, frame}, digest);
  step(at, PeerFrame{layout_.address(from), frame}, digest);
  if (frame.type != FrameType::deliver || shown_ || layout_.role(at) != Role::client) return;
  // Delivered and not shown: the device had it, or (at most once) something newer.
  const DeviceKey key = key_of(layout_.index(at));
  if (at_most_once_) {
    history_->dropped(now_, payload_tag(frame.entry.payload), key, "stale");
  } else {
    history_->raw_duplicate(now_, key);
  }
}

// What a process wrote before it died its kernel still delivers, after a partition for instance: to
// who hears it that is a sign of life.
void World::note_last_words(Endpoint at, Endpoint from) {
  if (layout_.role(at) != Role::router || machines_[from].alive) return;
  if (layout_.role(from) == Role::node) last_words_[{at, from}] = now_;
}

// Only asked for at most once: what the network lost is a drop with a cause.
void World::on_lost(Endpoint from, Endpoint to, const Frame& frame) {
  const uint64_t tag = payload_tag(frame.entry.payload);
  if (tag == 0) return;
  DeviceKey key{frame.user, ~uint32_t{0}};
  if (to != kNoEndpoint && layout_.role(to) == Role::client) key = key_of(layout_.index(to));
  if (from != kNoEndpoint && layout_.role(from) == Role::client) key = {UserId{0}, ~uint32_t{0}};
  history_->dropped(now_, tag, key, "connection");
}

// ---- stores
// ------------------------------------------------------------------------------------------------

bool World::apply(int64_t now, Endpoint from, const StoreRequest& request, StoreAnswer& answer) {
  if (const auto* op = std::get_if<DirectoryOp>(&request)) {
    if (!machines_[layout_.service(Role::directory)].alive) return false;
    if (tears(Role::directory, request)) return false;
    DirectoryAnswer got = directory_->handle(*op, now);
    answer.status = got.status;
    answer.reply = std::move(got.reply);
    return true;
  }
  if (const auto* op = std::get_if<MailboxOp>(&request)) {
    if (!machines_[layout_.service(Role::mailbox)].alive) return false;
    if (tears(Role::mailbox, request)) return false;
    MailboxAnswer got = mailbox_->handle(*op, now);
    answer.status = got.status;
    if (got.status == ReplyStatus::ok && op->kind == MailboxOpKind::append &&
        got.reply.result == MailboxResult::ok) {
      Entry entry = op->entry;
      entry.position = got.reply.position;
      history_->appended(now, entry);
    }
    if (got.status == ReplyStatus::ok && op->kind == MailboxOpKind::open_device &&
        got.reply.first_bind) {
      history_->first_bind(now, op->key);
    }
    answer.reply = std::move(got.reply);
    return true;
  }
  if (!machines_[layout_.service(Role::registry)].alive) return false;
  DurationNs lag = 0;
  for (auto& [fault, trouble] : registry_troubles_) {
    if (trouble.kind != FaultKind::lagging_read) continue;
    if (trouble.who != kNoEndpoint && trouble.who != from) continue;
    const bool reads = std::get<RegistryOp>(request).kind == RegistryOpKind::list;
    trouble.hit |= reads;
    if (reads) lag = std::max(lag, trouble.delay_ns);
  }
  RegistryAnswer got =
      registry_->handle(layout_.address(from), std::get<RegistryOp>(request), now, lag);
  answer.status = got.status;
  answer.reply = std::move(got.reply);
  fire_watches();
  return true;
}

void World::on_reply(Endpoint to, const Reply& reply) { step(to, reply, digest_of(reply)); }

void World::on_op_counted(const StoreRequest& request) {
  if (const auto* op = std::get_if<DirectoryOp>(&request)) tally_.directory(op->kind);
  if (std::holds_alternative<MailboxOp>(request)) tally_.mailbox();
}

void World::fire_watches() {
  for (const Address& watcher : registry_->take_fired(now_)) {
    const Endpoint e = layout_.of(watcher);
    const Endpoint service = layout_.service(Role::registry);
    DurationNs late = watch_latency_.draw(mix64(watch_draw_, watches_fired_++));
    bool lost = false;
    for (auto& [fault, trouble] : registry_troubles_) {
      if (trouble.who != kNoEndpoint && trouble.who != e) continue;
      if (trouble.kind == FaultKind::lagging_read) continue;
      trouble.hit = true;
      lost |= trouble.kind == FaultKind::lost_watch;
      if (trouble.kind == FaultKind::late_watch) late += trouble.delay_ns;
    }
    if (!network_->rules().empty()) {
      const EdgeVerdict verdict = network_->rules().verdict(service, e, e);
      lost |= verdict.blocked;
      late += verdict.delay_ns;
    }
    // The life in the upper half: a watch does not outlive the process that set it.
    const uint64_t life = lives_[layout_.server_index(e)];
    if (!lost) schedule(now_ + late, WorldEvent::watch, (life & 0xffffff) << 32 | e);
  }
  arm_service_timer();
}

void World::arm_service_timer() {
  const int64_t next = registry_->next_expiry();
  if (next >= service_armed_ || next == kNever) return;
  service_armed_ = std::max(next, now_);
  schedule(service_armed_, WorldEvent::service_timer, 0);
}

bool World::expire_session(uint32_t node) {
  const bool had = registry_->expire_session(NodeId{node}, now_);
  fire_watches();
  return had;
}

uint64_t World::fail_over(Role store, DurationNs lose_tail) {
  if (store == Role::directory) return directory_->failover(now_, lose_tail);
  const std::vector<Entry> lost = mailbox_->failover(now_, lose_tail);
  for (const Entry& entry : lost) history_->discarded(now_, entry);
  return lost.size();
}

uint64_t World::evict(uint32_t fraction_ppm, uint64_t salt) {
  return directory_->evict(fraction_ppm, salt);
}

void World::burst(int64_t until, uint32_t fraction_ppm, uint32_t factor) {
  workload_->burst(now_, until, fraction_ppm, factor);
  arm_workload();
}

void World::begin_registry_trouble(uint32_t fault, const RegistryTrouble& trouble) {
  registry_troubles_[fault] = trouble;
}

bool World::end_registry_trouble(uint32_t fault) {
  const auto at = registry_troubles_.find(fault);
  if (at == registry_troubles_.end()) return false;
  const bool hit = at->second.hit;
  registry_troubles_.erase(at);
  return hit;
}

// ---- the bus
// -------------------------------------------------------------------------------------------------

void World::on_bus_up(Endpoint at) { step(at, PeerUp{kBusAddress}, 1); }
void World::on_bus_down(Endpoint at, Reason reason) { step(at, PeerDown{kBusAddress, reason}, 2); }
void World::on_bus_frame(Endpoint at, const Frame& frame) {
  tally_.arrived(at, frame.type);
  step(at, BusFrame{frame}, digest_of(frame));
}
void World::on_bus_sent(uint32_t bytes, bool delivery) {
  if (delivery) {
    tally_.bus_delivered(bytes);
  } else {
    tally_.published(bytes);
  }
}
void World::on_bus_lost(Endpoint to, const Frame& frame) {
  if (at_most_once_) on_lost(kNoEndpoint, to, frame);
}

}  // namespace imroute
