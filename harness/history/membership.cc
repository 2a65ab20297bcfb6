#include "harness/history/membership.h"

namespace imroute {

Membership::Member& Membership::member(UserId user) {
  if (const uint32_t* slot = slot_of_.find(user.value)) return members_[*slot];
  *slot_of_.insert(user.value) = slots();
  return members_.emplace_back(Member{user, {}});
}

void Membership::add(UserId user) {
  Member& m = member(user);
  if (m.intervals.empty() || m.intervals.back().to != kOpen) m.intervals.push_back({0, kOpen, 0});
}

void Membership::apply(const Entry& entry, int64_t t) {
  const uint64_t seq = entry.position.seq;
  switch (entry.kind) {
    case EntryKind::create:
      for (const uint64_t id : entry.payload.as<uint64_t>()) {
        member(UserId{id}).intervals.push_back({seq, kOpen, t});
      }
      break;
    case EntryKind::join: {
      Member& m = member(entry.subject);
      if (m.intervals.empty() || m.intervals.back().to != kOpen) {
        m.intervals.push_back({seq, kOpen, t});
      }
      break;
    }
    case EntryKind::leave: {
      Member& m = member(entry.subject);
      if (!m.intervals.empty() && m.intervals.back().to == kOpen) m.intervals.back().to = seq;
      break;
    }
    case EntryKind::message:
      break;
  }
}

void Membership::undo(const Entry& entry) {
  if (entry.kind == EntryKind::message) return;
  if (entry.kind == EntryKind::create) {
    for (const uint64_t id : entry.payload.as<uint64_t>()) member(UserId{id}).intervals.pop_back();
    return;
  }
  std::vector<Interval>& intervals = member(entry.subject).intervals;
  for (size_t i = 0; i < intervals.size(); ++i) {
    if (entry.kind == EntryKind::join && intervals[i].from == entry.position.seq) {
      intervals.erase(intervals.begin() + static_cast<std::ptrdiff_t>(i));
      return;
    }
    if (entry.kind == EntryKind::leave && intervals[i].to == entry.position.seq) {
      intervals[i].to = kOpen;
      return;
    }
  }
}

uint32_t Membership::slot_of(UserId user) const {
  const uint32_t* slot = slot_of_.find(user.value);
  return slot == nullptr ? kNone : *slot;
}

bool Membership::member_at(uint32_t slot, uint64_t seq) const {
  for (const Interval& i : members_[slot].intervals) {
    if (i.from <= seq && seq < i.to) return true;
  }
  return false;
}

int64_t Membership::member_since(uint32_t slot) const {
  const std::vector<Interval>& intervals = members_[slot].intervals;
  const bool open = !intervals.empty() && intervals.back().to == kOpen;
  return open ? intervals.back().since : kNever;
}

}  // namespace imroute
