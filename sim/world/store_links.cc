#include "sim/world/store_links.h"

#include <algorithm>
#include <type_traits>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "core/base/rng.h"

namespace imroute {

namespace {

// An operation without a deadline of its own is given up after this long.
constexpr DurationNs kLongestOperation = 60 * kSecond;
constexpr DurationNs kLateReplyNs =
    300 * kMillisecond;  // how much a reordered reply is late at most

Role service_of(const StoreRequest& request) {
  if (std::holds_alternative<DirectoryOp>(request)) return Role::directory;
  return std::holds_alternative<MailboxOp>(request) ? Role::mailbox : Role::registry;
}

}  // namespace

bool writes(const StoreRequest& request) {
  if (const auto* op = std::get_if<DirectoryOp>(&request)) {
    return op->kind == DirectoryOpKind::reserve || op->kind == DirectoryOpKind::bind ||
           op->kind == DirectoryOpKind::unbind;
  }
  if (const auto* op = std::get_if<MailboxOp>(&request)) {
    return op->kind == MailboxOpKind::append || op->kind == MailboxOpKind::cursors ||
           op->kind == MailboxOpKind::open_device;
  }
  return false;
}

StoreLinks::StoreLinks(const Layout& layout, const NetworkConfig& config, uint64_t seed,
                       EventQueue& queue, EdgeRules& rules, StoreBackend& backend)
    : layout_(layout),
      queue_(queue),
      rules_(rules),
      backend_(backend),
      latency_(config.service.latency),
      lines_(size_t{layout.servers()} * 3),
      incarnations_(layout.servers(), 0) {
  const uint64_t named = Rng::stream(seed, "store-latency").next();
  for (size_t i = 0; i < lines_.size(); ++i) lines_[i].draw = mix64(named, i);
}

StoreLinks::Line& StoreLinks::line(const Op& op) {
  return lines_[size_t{layout_.server_index(op.from)} * 3 + static_cast<size_t>(op.service)];
}

void StoreLinks::request(int64_t now, Endpoint from, StoreRequest&& request) {
  const uint32_t index = ops_.take();
  Op& op = ops_[index];
  op.from = from;
  op.service = service_of(request);
  op.incarnation = incarnations_[layout_.server_index(from)];
  op.references = 0;
  op.answered = false;
  op.timeout_set = false;
  std::visit(
      [&op](const auto& r) {
        op.id = r.id;
        op.deadline = r.deadline;
      },
      request);
  op.deadline = std::max(now, std::min(op.deadline, now + kLongestOperation));
  op.request = std::move(request);
  backend_.on_op_counted(op.request);
  travel(now, index, false);
}

// Sends the request or the reply on its way.
void StoreLinks::travel(int64_t now, uint32_t index, bool reply) {
  Op& op = ops_[index];
  Line& way = line(op);
  const Endpoint service = layout_.service(op.service);
  EdgeVerdict verdict;
  if (!rules_.empty()) {
    verdict = reply ? rules_.verdict(service, op.from, op.from)
                    : rules_.verdict(op.from, service, op.from);
  }
  if (verdict.blocked) {
    set_timeout(index);
    if (verdict.disposition == Disposition::stall) {
      held_.push_back({index, reply});
      ++op.references;
    }
    return release(index);
  }
  int64_t arrival = now + latency_.draw(mix64(way.draw++)) + verdict.delay_ns;
  for (uint32_t lost = 0; verdict.loss_ppm != 0 && lost < kRetransmissions; ++lost) {
    if (mix64(way.draw++) % 1'000'000 >= verdict.loss_ppm) break;
    arrival += kRetransmitNs << lost;
  }
  int64_t& floor = reply ? way.reply_floor : way.request_floor;
  if (verdict.rate_bits_per_second != 0) {
    floor += static_cast<int64_t>(200 * 8'000'000'000ull / verdict.rate_bits_per_second);
  }
  if (reply && verdict.reorder_ppm != 0 && mix64(way.draw++) % 1'000'000 < verdict.reorder_ppm) {
    arrival += static_cast<int64_t>(mix64(way.draw++) % kLateReplyNs);  // without lifting the floor
  } else {
    arrival = std::max(arrival, floor + 1);
    floor = arrival;
  }
  if (!rules_.empty()) late_until_ = std::max(late_until_, arrival);
  const WorldEvent kind = reply ? WorldEvent::op_reply : WorldEvent::op_arrive;
  queue_.push(arrival, EventPriority::normal, what(kind, index));
  ++op.references;
  if (reply && verdict.duplicate_ppm != 0 &&
      mix64(way.draw++) % 1'000'000 < verdict.duplicate_ppm) {
    queue_.push(arrival + static_cast<int64_t>(mix64(way.draw++) % kLateReplyNs),
                EventPriority::normal, what(kind, index));
    ++op.references;
  }
  if (arrival > op.deadline) set_timeout(index);
}

void StoreLinks::set_timeout(uint32_t index) {
  Op& op = ops_[index];
  if (op.timeout_set || op.answered) return;
  op.timeout_set = true;
  queue_.push(op.deadline, EventPriority::late, what(WorldEvent::op_timeout, index));
  ++op.references;
}

void StoreLinks::leap(int64_t now, Endpoint e, DurationNs by) {
  for (uint32_t index = 0; index < ops_.slots(); ++index) {
    Op& op = ops_[index];
    if (op.references == 0 || op.from != e || op.answered) continue;
    op.deadline = std::max(now, op.deadline - by);
    op.timeout_set = false;  // the one set before comes too late
    set_timeout(index);
  }
}

void StoreLinks::release(uint32_t index) {
  Op& op = ops_[index];
  if (op.references != 0) return;
  op.request = RegistryOp{};
  op.answer.reply = std::monostate{};
  ops_.give(index);
}

Endpoint StoreLinks::destination(WorldEvent kind, uint32_t index) const {
  const Op& op = ops_[index];
  return kind == WorldEvent::op_arrive ? layout_.service(op.service) : op.from;
}

void StoreLinks::handle(int64_t now, WorldEvent kind, uint32_t index) {
  if (kind == WorldEvent::op_arrive) {
    arrive(now, index);
  } else if (kind == WorldEvent::op_reply) {
    reply(now, index);
  } else {
    Op& op = ops_[index];
    if (!op.answered) {
      op.answered = true;
      const bool alive = op.incarnation == incarnations_[layout_.server_index(op.from)];
      if (alive) backend_.on_reply(op.from, Reply{op.id});
    }
  }
  --ops_[index].references;
  release(index);
}

void StoreLinks::arrive(int64_t now, uint32_t index) {
  Op& op = ops_[index];
  Line& way = line(op);
  op.answer.status = ReplyStatus::ok;
  op.answer.reply = std::monostate{};
  if (!troubles_.empty()) {
    const bool full = writes(op.request) &&
                      (strikes(op.service, Trouble::out_of_memory, 0) ||
                       strikes(op.service, Trouble::disk_full, mix64(way.draw, op.id.value)));
    if (full || strikes(op.service, Trouble::error, mix64(way.draw++))) {
      op.answer.status = ReplyStatus::error;
      backend_.on_op_counted(op.request);
      return travel(now, index, true);
    }
  }
  if (!backend_.apply(now, op.from, op.request, op.answer)) return set_timeout(index);
  if (!troubles_.empty() && strikes(op.service, Trouble::lost_reply, mix64(way.draw++))) {
    return set_timeout(index);
  }
  backend_.on_op_counted(op.request);
  travel(now, index, true);
}

void StoreLinks::reply(int64_t now, uint32_t index) {
  Op& op = ops_[index];
  const bool doubled = op.answered && !op.timeout_set && now <= op.deadline;
  if ((op.answered && !doubled) || now > op.deadline) {
    ++late_;
    if (op.answered || op.timeout_set) return;
    op.answered = true;  // it stood before a paused machine's door beyond its deadline
    const bool alive = op.incarnation == incarnations_[layout_.server_index(op.from)];
    if (alive) backend_.on_reply(op.from, Reply{op.id});
    return;
  }
  op.answered = true;
  if (op.incarnation != incarnations_[layout_.server_index(op.from)]) return;
  Reply reply{op.id, op.answer.status};
  if (op.answer.status == ReplyStatus::ok) {
    reply.directory = std::get_if<DirectoryReply>(&op.answer.reply);
    reply.mailbox = std::get_if<MailboxReply>(&op.answer.reply);
    reply.registry = std::get_if<RegistryReply>(&op.answer.reply);
  }
  backend_.on_reply(op.from, reply);
}

void StoreLinks::release_held(int64_t now) {
  const std::vector<Held> held = std::move(held_);
  held_.clear();
  for (const Held& h : held) {
    --ops_[h.op].references;
    travel(now, h.op, h.reply);  // held again when another rule still holds
  }
}

void StoreLinks::begin_trouble(uint32_t fault, Role service, Trouble trouble,
                               uint32_t probability_ppm) {
  troubles_[fault] = {service, trouble, probability_ppm, false};
}

bool StoreLinks::end_trouble(uint32_t fault) {
  const auto at = troubles_.find(fault);
  if (at == troubles_.end()) return false;
  const bool hit = at->second.hit;
  troubles_.erase(at);
  return hit;
}

bool StoreLinks::strikes(Role service, Trouble trouble, uint64_t draw) {
  bool struck = false;
  for (auto& [fault, t] : troubles_) {
    if (t.service != service || t.trouble != trouble) continue;
    if (mix64(draw, fault) % 1'000'000 >= t.probability_ppm) continue;
    t.hit = struck = true;
  }
  return struck;
}

}  // namespace imroute
