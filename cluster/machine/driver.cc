#include "cluster/machine/driver.h"

#include <algorithm>

#include "core/base/assert.h"

namespace imroute::cluster {

namespace {
constexpr DurationNs kTimerGrain = kMillisecond;
}  // namespace

Driver::Driver(Loop& loop, AnyMachine& machine, Environment& environment,
               const DriverOptions& options)
    : loop_(loop),
      machine_(machine),
      environment_(environment),
      clients_(loop, *this, environment, options.clients, options.hello),
      peers_(loop, *this, environment, options.self, options.hello),
      timer_(loop, [this] { on_timer(); }),
      effects_(options.tracing) {}

Driver::~Driver() { shut(); }

void Driver::set_stores(Stores stores) {
  stores_ = std::move(stores);
  if (stores_.registry != nullptr) {
    stores_.registry->on_view_changed([this] { deliver(ViewChanged{}); });
  }
}

void Driver::start() {
  if (stores_.bus != nullptr) {
    stores_.bus->start({[this](std::span<const std::byte> message) { on_bus_message(message); },
                        [this] { deliver(PeerUp{kBusAddress}); },
                        [this](Reason reason) { deliver(PeerDown{kBusAddress, reason}); }});
  }
  deliver(Wake{});
}

void Driver::shut() {
  if (shut_) return;
  shut_ = true;
  stores_ = {};
  clients_.close_all();
  peers_.close_all();
  timer_.set(kNever);
}

void Driver::deliver(const Event& event) {
  if (shut_) return;
  IM_ASSERT(!stepping_);
  stepping_ = true;
  machine_.pump(*this, Now{loop_.now()}, event, effects_);
  stepping_ = false;
  while (!later_.empty()) {
    const PeerDown down = later_.back();
    later_.pop_back();
    deliver(down);
  }
}

void Driver::peer_down_later(Address peer, Reason reason) {
  if (stepping_) return later_.push_back({peer, reason});
  deliver(PeerDown{peer, reason});
}

void Driver::handle(Publish&& e) {
  if (stores_.bus == nullptr) return;
  IM_ASSERT(frame_fields(e.frame.type, 0) == frame_fields(e.frame.type));  // no HELLO there
  ByteBuffer bytes = loop_.take_buffer();
  encode(e.frame, 0, bytes);
  stores_.bus->publish(bytes);
  loop_.give_buffer(std::move(bytes));
}

void Driver::on_bus_message(std::span<const std::byte> message) {
  Frame frame;
  const Decoded got = decode(message, frame, loop_.pool());
  if (got.status == ReadStatus::frame && got.size == message.size()) deliver(BusFrame{frame});
}

// ---- stores ------------------------------------------------------------------------------------

namespace {
void set_reply(Reply& reply, const DirectoryReply& r) { reply.directory = &r; }
void set_reply(Reply& reply, const MailboxReply& r) { reply.mailbox = &r; }
void set_reply(Reply& reply, const RegistryReply& r) { reply.registry = &r; }
}  // namespace

template <class StoreReply, class Op, class Store>
void Driver::submit(Store* store, Op&& op, Durations* times) {
  const OpId id = op.id;
  if (Open* open = open_.insert(id)) *open = {loop_.now(), times};
  deadlines_.set_in_line(store == nullptr ? 0 : op.deadline, Deadline{}, id.value);
  if (store == nullptr) return;  // answered unknown at the next wake-up
  store->submit(std::forward<Op>(op), [this, id](ReplyStatus status, const StoreReply& answer) {
    Reply reply{.id = id, .status = status};
    if (status == ReplyStatus::ok) set_reply(reply, answer);
    answered(id, reply);
  });
}

void Driver::handle(StoreOp&& e) {
  if (auto* directory = std::get_if<DirectoryOp>(&e.op)) {
    submit<DirectoryReply>(stores_.directory.get(), std::move(*directory), &directory_times_);
  } else if (auto* mailbox = std::get_if<MailboxOp>(&e.op)) {
    Durations* times = mailbox->kind == MailboxOpKind::append ? &append_times_ : nullptr;
    submit<MailboxReply>(stores_.mailbox.get(), std::move(*mailbox), times);
  } else {
    submit<RegistryReply>(stores_.registry.get(), std::move(std::get<RegistryOp>(e.op)), nullptr);
  }
}

void Driver::answered(OpId id, Reply reply) {
  const Open* found = open_.find(id);
  if (found == nullptr) return;
  const Open open = *found;
  open_.erase(id);
  if (open.times != nullptr && reply.status == ReplyStatus::ok) {
    open.times->record(loop_.now() - open.since);
  }
  deliver(reply);
}

// ---- time --------------------------------------------------------------------------------------

void Driver::arm(MonoTime deadline) {
  machine_deadline_ = deadline;
  set_timer();
}

// Only ever to an earlier time: a machine moves its deadline with nearly every event, and a wake-up
// that comes too early sets the next. Never more often than once a grain: under load there is a
// deadline every few microseconds, each of something that was done long before.
void Driver::set_timer() {
  const MonoTime next = std::min(machine_deadline_, deadlines_.next_deadline());
  if (next >= armed_) return;  // also kNever
  const MonoTime due = (next + kTimerGrain - 1) / kTimerGrain * kTimerGrain;
  if (due >= armed_) return;
  armed_ = due;
  timer_.set(due);
}

void Driver::on_timer() {
  armed_ = kNever;
  const MonoTime now = loop_.now();
  TimerQueue<Deadline>::Timer over;
  while (deadlines_.pop_due(now, over)) {
    if (!open_.erase(OpId{over.key})) continue;
    ++unanswered_;
    deliver(Reply{.id = OpId{over.key}, .status = ReplyStatus::unknown});
  }
  if (machine_deadline_ <= now) deliver(Wake{});
  set_timer();
}

}  // namespace imroute::cluster
