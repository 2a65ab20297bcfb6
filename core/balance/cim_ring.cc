#include "core/balance/cim_ring.h"

#include <algorithm>

#include "core/balance/md5.h"
#include "core/base/assert.h"

namespace imroute {
namespace {

// std::to_string without its allocation: keys are hashed on every login.
class Decimal {
 public:
  explicit Decimal(uint64_t value) {
    do {
      text_[--begin_] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value > 0);
  }
  std::string_view text() const { return {text_ + begin_, sizeof text_ - begin_}; }

 private:
  char text_[20];
  size_t begin_ = sizeof text_;
};

}  // namespace

uint32_t CimRing::hash(std::string_view text) {
  const Md5Digest digest = md5(std::as_bytes(std::span(text.data(), text.size())));
  return uint32_t{digest[0]} | uint32_t{digest[1]} << 8 | uint32_t{digest[2]} << 16 |
         uint32_t{digest[3]} << 24;
}

void CimRing::update(std::span<const std::string> nodes) {
  nodes_ = static_cast<uint32_t>(nodes.size());
  points_.clear();
  const auto add = [&](uint32_t hash, uint32_t node) {
    points_.push_back({hash, node, static_cast<uint32_t>(points_.size())});
  };
  for (uint32_t node = 0; node < nodes_; ++node) {
    const uint32_t own = hash(nodes[node]);
    const std::string virtual_name = "vir" + std::string(Decimal(own).text());
    add(own, node);
    add(hash(virtual_name + "0"), node);
    add(hash(virtual_name + "1"), node);
  }
  // CIM keeps the points in a map: of two at one hash, the one added last stays.
  std::sort(points_.begin(), points_.end(), [](const Point& a, const Point& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.added > b.added;
  });
  const auto same = [](const Point& a, const Point& b) { return a.hash == b.hash; };
  points_.erase(std::unique(points_.begin(), points_.end(), same), points_.end());
}

size_t CimRing::first_at_or_after(uint32_t hash) const {
  const auto at = std::lower_bound(points_.begin(), points_.end(), hash,
                                   [](const Point& p, uint32_t h) { return p.hash < h; });
  return static_cast<size_t>(at - points_.begin());  // the end wraps to the first
}

void CimBalancer::update(std::span<const Backend> backends) {
  backends_.update(backends);
  std::vector<std::string> nodes;
  for (uint32_t rank = 0; rank < backends_.size(); ++rank) {
    nodes.emplace_back(Decimal(backends[backends_.place(rank)].id).text());
  }
  ring_.update(nodes);
}

uint32_t CimBalancer::pick(uint64_t key, std::span<const Backend> backends, Rng&) {
  IM_ASSERT(backends.size() == backends_.size());
  const uint32_t rank = ring_.find(
      Decimal(key).text(), [&](uint32_t node) { return backends[backends_.place(node)].healthy; });
  return rank < backends_.size() ? backends_.place(rank) : kNoBackend;
}

}  // namespace imroute
