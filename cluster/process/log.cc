#include "cluster/process/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "config/json.h"

namespace imroute::cluster {

namespace {

struct Log {
  std::shared_ptr<spdlog::logger> logger;
  std::string who;
  bool json = false;
};
Log& log() {
  static Log instance;
  return instance;
}

spdlog::level::level_enum level_of(LogLevel level) {
  constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                   spdlog::level::warn, spdlog::level::err};
  return kLevels[static_cast<size_t>(level)];
}

std::string plain_line(std::string_view event, LogFields fields) {
  std::string line(event);
  for (const auto& [key, value] : fields) {
    line += ' ';
    line += key;
    line += '=';
    const bool quote = value.empty() || value.find_first_of(" \"=\n\t") != std::string::npos;
    line += quote ? json_line(JsonValue::make_string(value)) : value;
  }
  return line;
}

std::string json_object(std::string_view event, LogFields fields) {
  JsonValue object = JsonValue::make_object();
  object.add("who", JsonValue::make_string(log().who));
  object.add("event", JsonValue::make_string(event));
  for (const auto& [key, value] : fields) object.add(key, JsonValue::make_string(value));
  return json_line(object).substr(1);  // the pattern opens it, with time and level
}

}  // namespace

void start_log(const std::string& who, LogLevel least, bool json) {
  log().who = who;
  log().json = json;
  log().logger = spdlog::stderr_logger_st(who);
  log().logger->set_level(level_of(least));
  log().logger->set_pattern(json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v)"
                                 : "%Y-%m-%d %H:%M:%S.%e %L %n %v");
  log().logger->flush_on(spdlog::level::debug);
}

void log_trace(const TraceRecord& r) {
  const ConversationId& c = r.conversation;
  log_event(LogLevel::debug, to_string(r.kind),
            {{"user", std::to_string(r.user.value)},
             {"device", std::to_string(r.device)},
             {"conversation", c.is_group() ? "group-" + std::to_string(c.lo)
                                           : std::to_string(c.hi) + "-" + std::to_string(c.lo)},
             {"seq", std::to_string(r.position.seq)},
             {"node", r.node == kNoNode ? "none" : std::to_string(r.node.value)},
             {"route", std::to_string(r.route)},
             {"reason", std::string(to_string(r.reason))},
             {"value", std::to_string(r.value)}});
}

// Anybody can be a stranger, as often as he likes: that is for the counters.
void log_trouble(std::optional<Address> dialled, std::string_view why) {
  const std::string text(why);
  if (!dialled) return log_event(LogLevel::debug, "stranger", {{"why", text}});
  const std::string kind = dialled->kind == PeerKind::node ? "node:" : "router:";
  log_event(LogLevel::warning, "peer_trouble",
            {{"peer", kind + std::to_string(dialled->index)}, {"why", text}});
}

void log_event(LogLevel level, std::string_view event, LogFields fields) {
  spdlog::logger* logger = log().logger.get();
  if (logger == nullptr || !logger->should_log(level_of(level))) return;
  const std::string line = log().json ? json_object(event, fields) : plain_line(event, fields);
  logger->log(level_of(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace imroute::cluster
