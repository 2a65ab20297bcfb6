// The bus on Redis pub/sub: one channel. A subscription has a connection of its own, since Redis
// lets a subscriber do nothing else; what is published goes over a link (link.h). When the link
// finds that the server is another one, or gone, the subscription is begun anew, too.
//
// Redis disconnects a subscriber that reads too slowly (client-output-buffer-limit pubsub), which
// then misses what is published until it is back; the core notices by the counters in the frames.
#pragma once

#include <memory>

#include "cluster/store/redis/link.h"
#include "cluster/store/store.h"

namespace imroute::cluster {

class RedisBus : public Bus {
 public:
  RedisBus(Loop& loop, RedisSettings settings);
  void start(Listener listener) override;
  void publish(std::span<const std::byte> message) override;

  bool is_up() const { return subscribed_; }
  uint64_t unanswered_bytes() const { return unanswered_; }  // published, Redis has not said so yet
  uint64_t dropped() const { return dropped_; }              // not published

 private:
  void subscribe();
  void on_said(const redisReply* reply);
  void lost(Reason reason);
  std::string channel() const { return link_.settings().prefix + "bus"; }

  Loop& loop_;
  RedisLink link_;
  Listener listener_;
  std::unique_ptr<RedisConnection> subscription_;
  bool started_ = false;
  bool subscribed_ = false;
  uint64_t unanswered_ = 0;
  uint64_t dropped_ = 0;
  Timer again_;
};

}  // namespace imroute::cluster
