#include "cluster/store/redis/redis_bus.h"

#include <utility>

#include "core/base/hash.h"

namespace imroute::cluster {

namespace {
constexpr uint64_t kMostUnanswered = 16 * 1024 * 1024;  // bytes on their way to Redis
constexpr DurationNs kResubscribePause =
    100 * kMillisecond;  // before a lost subscription is tried again
}  // namespace

RedisBus::RedisBus(Loop& loop, RedisSettings settings)
    : loop_(loop), link_(loop, std::move(settings)), again_(loop, [this] { subscribe(); }) {
  link_.on_up([this] { subscribe(); });
  link_.on_down([this] {
    if (subscription_ != nullptr) subscription_->close("the server is gone");
  });
}

void RedisBus::start(Listener listener) {
  listener_ = std::move(listener);
  started_ = true;
  subscribe();
}

void RedisBus::publish(std::span<const std::byte> message) {
  if (!link_.is_up() || unanswered_ + message.size() > kMostUnanswered) {
    ++dropped_;
    return;
  }
  unanswered_ += message.size();
  link_.send({"PUBLISH", channel(),
              std::string(reinterpret_cast<const char*>(message.data()), message.size())},
             [this, size = message.size()](ReplyStatus, RedisValue) { unanswered_ -= size; });
}

void RedisBus::subscribe() {
  if (!started_ || !link_.is_up() || subscription_ != nullptr) return;
  const RedisSettings& settings = link_.settings();
  subscription_ = std::make_unique<RedisConnection>(
      loop_, settings.address, [this](std::string_view) { lost(Reason::reset); });
  const auto ignore = [](const redisReply*) {};
  if (!settings.password.empty()) subscription_->send({"AUTH", settings.password}, ignore);
  subscription_->send({"CLIENT", "SETNAME", settings.client_name}, ignore);
  subscription_->subscribe(channel(), [this](const redisReply* reply) { on_said(reply); });
}

void RedisBus::on_said(const redisReply* reply) {
  const RedisValue said(reply);
  if (said.nothing()) return;  // lost() follows
  if (said[0].text() == "message") {
    const std::string_view frame = said[2].text();
    listener_.on_frame(std::as_bytes(std::span(frame)));
  } else if (said[0].text() == "subscribe") {
    subscribed_ = true;
    listener_.on_up();
  } else {
    subscription_->close("refused");
  }
}

void RedisBus::lost(Reason reason) {
  // Not destroyed here: this is called from inside it.
  loop_.post([gone = std::shared_ptr<RedisConnection>(std::move(subscription_))] {});
  const MonoTime now = monotonic_now();
  const uint64_t jitter = mix64(static_cast<uint64_t>(now), reinterpret_cast<uintptr_t>(this));
  again_.set(now + kResubscribePause / 2 +
             static_cast<DurationNs>(jitter % uint64_t{kResubscribePause / 2}));
  if (std::exchange(subscribed_, false)) listener_.on_down(reason);
}

}  // namespace imroute::cluster
