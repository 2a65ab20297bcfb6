#include "core/balance/round_robin.h"

#include <algorithm>
#include <numeric>

#include "core/base/assert.h"
#include "core/base/planted.h"

namespace imroute {
namespace {

// Work to write a sequence down, in credit updates: about 5 ms, once per change.
constexpr uint64_t kMaxWork = 4'000'000;
// A played sequence starts at most this far into it.
constexpr uint64_t kMaxPlayedPhase = 64;

}  // namespace

void RoundRobin::update(std::span<const Backend> backends) {
  backends_.update(backends);
  rebuild(backends);
}

void RoundRobin::rebuild(std::span<const Backend> backends) {
  healthy_.clear();
  credits_.clear();
  sequence_.clear();
  uint32_t divisor = 0;
  for (uint32_t rank = 0; rank < backends_.size(); ++rank) {
    const uint32_t place = backends_.place(rank);
    healthy_.push_back(backends[place].healthy ? 1 : 0);
    if (!backends[place].healthy && !IM_PLANTED(round_robin_picks_excluded)) continue;
    credits_.push_back({place, backends_.weight(rank), 0});
    divisor = std::gcd(divisor, backends_.weight(rank));
  }
  until_look_ = backends_.size();
  if (credits_.empty()) return;
  for (Credit& c : credits_) c.weight = divisor == 0 ? 1 : c.weight / divisor;
  std::erase_if(credits_, [](const Credit& c) { return c.weight == 0; });
  sum_ = 0;
  for (const Credit& c : credits_) sum_ += c.weight;
  const auto round = static_cast<uint64_t>(sum_);
  if (round == credits_.size()) {  // all equal
    for (const Credit& c : credits_) sequence_.push_back(c.place);
  } else if (round <= kMaxWork / credits_.size()) {
    sequence_.reserve(round);
    for (uint64_t i = 0; i < round; ++i) sequence_.push_back(play());
  } else {
    for (uint64_t i = picks_ % kMaxPlayedPhase; i > 0; --i) play();
    return;
  }
  at_ = picks_ % round;
}

uint32_t RoundRobin::play() {
  Credit* richest = &credits_.front();
  for (Credit& c : credits_) {
    c.credit += c.weight;
    if (c.credit > richest->credit) richest = &c;
  }
  richest->credit -= sum_;
  return richest->place;
}

bool RoundRobin::health_changed(std::span<const Backend> backends) const {
  for (uint32_t rank = 0; rank < backends_.size(); ++rank) {
    if (backends[backends_.place(rank)].healthy != (healthy_[rank] != 0)) return true;
  }
  return false;
}

uint32_t RoundRobin::pick(uint64_t, std::span<const Backend> backends, Rng&) {
  IM_ASSERT(backends.size() == backends_.size());
  if (until_look_-- == 0 || credits_.empty()) {
    until_look_ = backends_.size();
    if (health_changed(backends)) rebuild(backends);
  }
  // A second try only when the first hit one that fell ill: the rebuild leaves only healthy ones.
  while (!credits_.empty()) {
    uint32_t place;
    if (sequence_.empty()) {
      place = play();
    } else {
      place = sequence_[at_];
      if (++at_ == sequence_.size()) at_ = 0;
    }
    if (backends[place].healthy || IM_PLANTED(round_robin_picks_excluded)) [[likely]] {
      ++picks_;
      return place;
    }
    rebuild(backends);
  }
  return kNoBackend;
}

}  // namespace imroute
