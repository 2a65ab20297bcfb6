// Connections that have not yet said who they are. Each has until a deadline to do so, and there
// are at most so many: a crowd of silent ones pushes out its oldest, not those that serve.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <unordered_map>

#include "cluster/net/link.h"

namespace imroute::cluster {

class Greetings {
 public:
  Greetings(Loop& loop, size_t most, DurationNs patience)
      : most_(most), patience_(patience), timer_(loop, [this] { close_late(); }) {}

  void add(uint64_t tag, LinkHandle link) {
    while (waiting_.size() >= most_ && !due_.empty()) close_front(pushed_out_);
    due_.push_back({monotonic_now() + patience_, tag});
    waiting_.emplace(tag, std::move(link));
    if (due_.size() == 1) timer_.set(due_.front().deadline);
  }
  bool has(uint64_t tag) const { return waiting_.contains(tag); }
  // It has greeted, or is gone.
  LinkHandle take(uint64_t tag) {
    const auto at = waiting_.find(tag);
    if (at == waiting_.end()) return nullptr;
    LinkHandle link = std::move(at->second);
    waiting_.erase(at);
    return link;
  }
  // Closed because the others were too many, or because it had not greeted in time.
  uint64_t pushed_out() const { return pushed_out_; }
  uint64_t late() const { return late_; }

 private:
  struct Due {
    MonoTime deadline;
    uint64_t tag;
  };
  void close_front(uint64_t& counter) {
    const LinkHandle link = take(due_.front().tag);
    due_.pop_front();
    if (link == nullptr) return;
    ++counter;
    link->close();
  }
  void close_late() {
    const MonoTime now = monotonic_now();
    while (!due_.empty() && (due_.front().deadline <= now || !has(due_.front().tag))) {
      close_front(late_);
    }
    if (!due_.empty()) timer_.set(due_.front().deadline);
  }

  size_t most_;
  DurationNs patience_;
  std::deque<Due> due_;  // by deadline; some have greeted meanwhile
  std::unordered_map<uint64_t, LinkHandle> waiting_;
  uint64_t pushed_out_ = 0;
  uint64_t late_ = 0;
  Timer timer_;
};

}  // namespace imroute::cluster
