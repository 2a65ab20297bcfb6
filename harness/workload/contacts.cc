#include "harness/workload/contacts.h"

#include <algorithm>

#include "core/base/hash.h"

namespace imroute {

Contacts::Contacts(const Scenario& scenario, uint64_t seed)
    : users_(scenario.topology.users),
      senders_(scenario.workload.senders),
      count_(scenario.workload.contacts_per_user),
      key_(hash_text("contact", seed)) {
  if (senders_ == 0 || senders_ >= users_) senders_ = users_;
  count_ =
      std::min(count_, restricted() ? users_ - senders_ : users_ - std::min<uint64_t>(users_, 1));
  if (restricted() || count_ == 0) return;
  if (scenario.workload.contact_skew_ppm > 0) {
    zipf_.emplace(users_, scenario.workload.contact_skew_ppm);
    return;
  }
  const uint64_t pairs = (count_ + 1) / 2;
  const uint64_t choices = (users_ - 1) / 2;
  if (choices <= pairs) return;  // almost everybody: neighbours will do
  Rng rng = Rng::stream(seed, "contact offsets");
  while (offsets_.size() < pairs) {
    const uint64_t offset = 1 + rng.below(choices);
    if (std::find(offsets_.begin(), offsets_.end(), offset) == offsets_.end()) {
      offsets_.push_back(offset);
    }
  }
}

std::optional<UserId> Contacts::pick(UserId user, Rng& rng) const {
  if (count_ == 0) return std::nullopt;
  const uint64_t i = rng.below(count_);
  const uint64_t u = user.value;
  if (restricted()) return UserId{senders_ + (u * count_ + i) % (users_ - senders_)};
  if (zipf_) {
    Rng fixed(mix64(mix64(key_, u), i));  // contact i of u is always the same
    for (int tries = 0; tries < 8; ++tries) {
      const uint64_t rank = zipf_->rank(fixed);
      if (rank != u) return UserId{rank};
    }
    return UserId{u == 0 ? 1 : u - 1};
  }
  if (offsets_.empty()) return UserId{(u + 1 + i) % users_};
  const uint64_t offset = offsets_[i / 2];
  return UserId{(i % 2 == 0 ? u + offset : u + users_ - offset) % users_};
}

}  // namespace imroute
