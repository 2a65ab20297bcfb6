// Many commands, one answer: ok when all were answered, else the worst of what they ended with. It
// comes at a later turn than the one in which the commands are sent, so none at all is fine, too.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

#include "cluster/store/redis/link.h"

namespace imroute::cluster {

class Gather : public std::enable_shared_from_this<Gather> {
 public:
  using End = std::function<void(ReplyStatus)>;
  static std::shared_ptr<Gather> make(RedisLink& link, End end) {
    auto made = std::shared_ptr<Gather>(new Gather(link, std::move(end)));
    made->link_.later([made] { made->answered(ReplyStatus::ok); });
    return made;
  }
  void send(RedisWords words, std::function<void(RedisValue)> each) {
    ++open_;
    link_.send(std::move(words), [self = shared_from_this(), each = std::move(each)](
                                     ReplyStatus status, RedisValue said) {
      if (status == ReplyStatus::ok) each(said);
      self->answered(status);
    });
  }
  void run(RedisLink::Script script, const RedisWords& keys, const RedisWords& arguments,
           std::function<void(RedisValue)> each) {
    ++open_;
    link_.run(
        script, keys, arguments,
        [self = shared_from_this(), each = std::move(each)](ReplyStatus status, RedisValue said) {
          if (status == ReplyStatus::ok) each(said);
          self->answered(status);
        });
  }

 private:
  Gather(RedisLink& link, End end) : link_(link), end_(std::move(end)) {}
  void answered(ReplyStatus status) {
    worst_ = std::max(worst_, status);
    if (--open_ == 0) std::exchange(end_, nullptr)(worst_);
  }

  RedisLink& link_;
  End end_;
  uint32_t open_ = 1;  // the turn in which it was made
  ReplyStatus worst_ = ReplyStatus::ok;
};

}  // namespace imroute::cluster
