#include "cluster/store/redis/link.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/hash.h"

namespace imroute::cluster {

namespace {

constexpr DurationNs kLook = kSecond;
constexpr DurationNs kSilence = 5 * kSecond;  // no answer to a look for so long: dead
constexpr DurationNs kBackoffMin = 50 * kMillisecond;
constexpr uint32_t kBackoffDoublings = 6;  // up to 3.2 s

// The number of this life of the store: the one that stands there, or the next. (A clock that went
// back makes it one more than before.)
constexpr const char* kIdentityScript = R"lua(
local known = redis.call('HMGET', KEYS[1], 'life', 'identity')
if known[1] == ARGV[1] then return known[2] end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local identity = string.format('%.0f', math.max(now, (tonumber(known[2]) or 0) + 1))
redis.call('HSET', KEYS[1], 'life', ARGV[1], 'identity', identity)
return identity
)lua";

// `name:value` of an answer to INFO.
std::string_view field(std::string_view info, std::string_view name) {
  const size_t at = info.find(name);
  if (at == std::string_view::npos) return {};
  std::string_view value = info.substr(at + name.size());
  return value.substr(0, value.find_first_of("\r\n"));
}

// Refusals that mean that this server is not, or not now, the one to ask.
bool says_wrong_server(std::string_view error) {
  constexpr std::array<std::string_view, 6> kBegins = {"READONLY", "MOVED",  "MASTERDOWN",
                                                       "LOADING",  "NOAUTH", "CLUSTERDOWN"};
  return std::any_of(kBegins.begin(), kBegins.end(),
                     [error](std::string_view begin) { return error.starts_with(begin); });
}

}  // namespace

RedisLink::RedisLink(Loop& loop, RedisSettings settings)
    : loop_(loop),
      settings_(std::move(settings)),
      timer_(loop, [this] { connection_ == nullptr ? connect() : look(); }) {
  timer_.set(monotonic_now());
}

RedisLink::~RedisLink() = default;

RedisLink::Script RedisLink::add_script(std::string body) {
  scripts_.push_back(std::move(body));
  digests_.emplace_back();
  return scripts_.size() - 1;
}

// ---- connecting --------------------------------------------------------------------------------

void RedisLink::connect() {
  looked_at_ = monotonic_now();
  connection_ = std::make_unique<RedisConnection>(loop_, settings_.address,
                                                  [this](std::string_view why) { closed(why); });
  greet();
  timer_.set(looked_at_ + kLook);
}

void RedisLink::greet() {
  const auto must = [this](const redisReply* reply) {
    const RedisValue said(reply);
    if (said.is_error()) give_up(std::string(said.text()));
    return reply != nullptr && !said.is_error();
  };
  if (!settings_.password.empty()) connection_->send({"AUTH", settings_.password}, must);
  connection_->send({"CLIENT", "SETNAME", settings_.client_name}, must);
  for (size_t i = 0; i < scripts_.size(); ++i) {
    connection_->send({"SCRIPT", "LOAD", scripts_[i]}, [this, must, i](const redisReply* reply) {
      if (must(reply)) digests_[i] = RedisValue(reply).text();
    });
  }
  connection_->send({"INFO", "server"}, [this, must](const redisReply* reply) {
    if (!must(reply)) return;
    const std::string_view info = RedisValue(reply).text();
    run_id_ = field(info, "run_id:");
    if (field(info, "redis_mode:") == "cluster") refuse_cluster();
  });
  look();
}

// Whoever starts servers with one is told at once; a later one is a trouble like others.
void RedisLink::refuse_cluster() {
  const std::string why =
      "a Redis Cluster (cluster_enabled:1), which is not supported, as redirections are not "
      "followed; use one primary (cluster-enabled no), with replicas and a failover of its address";
  if (was_ever_up_) return give_up(why);
  later([place = settings_.address.text, why] {
    throw SystemRefusal("Redis at " + place + ": " + why);
  });
}

// Which store answers, and whether it still does.
void RedisLink::look() {
  const MonoTime now = monotonic_now();
  timer_.set(now + kLook);
  if (now - looked_at_ > kSilence) return connection_->close("no answer for five seconds");
  connection_->send({"INFO", "replication"}, [this](const redisReply* reply) {
    const RedisValue said(reply);
    if (said.nothing()) return;
    if (said.is_error()) return give_up(std::string(said.text()));
    looked_at_ = monotonic_now();
    learn_identity(said.text());
  });
}

void RedisLink::learn_identity(std::string_view replication) {
  if (field(replication, "role:") != "master") return give_up("a replica, not the primary");
  std::string life = run_id_ + ":" + std::string(field(replication, "master_replid:"));
  if (life != life_) identity_ = 0;
  life_ = std::move(life);
  // Every time: whoever empties a running server takes its identity along.
  connection_->send({"EVAL", kIdentityScript, "1", settings_.prefix + "store", life_},
                    [this, life = life_](const redisReply* reply) {
                      const RedisValue said(reply);
                      if (said.is_error()) return give_up(std::string(said.text()));
                      if (said.nothing() || life != life_) return;
                      if (said.number() == identity_) return;
                      identity_ = said.number();
                      was_ever_up_ = true;
                      failures_ = 0;
                      last_trouble_.clear();
                      if (on_up_ != nullptr) on_up_();
                    });
}

void RedisLink::give_up(std::string why) {
  later([this, why = std::move(why)] {
    if (connection_ != nullptr) connection_->close(why);
  });
}

void RedisLink::later(std::function<void()> call) {
  loop_.post([alive = std::weak_ptr<bool>(alive_), call = std::move(call)] {
    if (!alive.expired()) call();
  });
}

void RedisLink::closed(std::string_view why) {
  const bool was_up = std::exchange(identity_, 0) != 0;
  life_.clear();
  const MonoTime now = monotonic_now();
  const uint32_t doublings = std::min(failures_++, kBackoffDoublings);
  const DurationNs longest = kBackoffMin << doublings;
  const uint64_t jitter = mix64(static_cast<uint64_t>(now), reinterpret_cast<uintptr_t>(this));
  timer_.set(now + longest / 2 +
             static_cast<DurationNs>(jitter % static_cast<uint64_t>(longest / 2)));
  if (why != last_trouble_ && settings_.on_trouble != nullptr) {
    last_trouble_ = why;
    settings_.on_trouble("Redis at " + settings_.address.text + ": " + last_trouble_);
  }
  // Not destroyed here: this is called from inside it.
  loop_.post([gone = std::shared_ptr<RedisConnection>(std::move(connection_))] {});
  if (was_up && on_down_ != nullptr) on_down_();
}

// ---- asking ------------------------------------------------------------------------------------

void RedisLink::sorted(RedisValue said, const Handler& handler) {
  --open_;
  if (said.is_error() && says_wrong_server(said.text())) give_up(std::string(said.text()));
  handler(said.is_error() ? ReplyStatus::error : ReplyStatus::ok, said);
}

void RedisLink::send(RedisWords words, Handler handler) {
  if (!is_up() || open_ >= settings_.most_open) {
    return later([handler = std::move(handler)] { handler(ReplyStatus::unknown, {}); });
  }
  ++open_;
  connection_->send(words, [this, handler = std::move(handler)](const redisReply* reply) {
    if (reply != nullptr) return sorted(RedisValue(reply), handler);
    --open_;
    handler(ReplyStatus::unknown, {});
  });
}

void RedisLink::run(Script script, const RedisWords& keys, const RedisWords& arguments,
                    Handler handler) {
  RedisWords words = {"EVALSHA", digests_[script], std::to_string(keys.size())};
  words.insert(words.end(), keys.begin(), keys.end());
  words.insert(words.end(), arguments.begin(), arguments.end());
  RedisWords again = words;
  send(std::move(words), [this, script, again = std::move(again), handler = std::move(handler)](
                             ReplyStatus status, RedisValue said) mutable {
    if (status != ReplyStatus::error || !said.text().starts_with("NOSCRIPT")) {
      return handler(status, said);
    }
    again[0] = "EVAL";  // somebody flushed the scripts: the whole text loads it again
    again[1] = scripts_[script];
    send(std::move(again), std::move(handler));
  });
}

}  // namespace imroute::cluster
