// bench cluster: what a real cluster costs on this machine. It starts a router and two nodes, each
// a process, and is itself the load, so what the servers use is read from their own clocks.
#include <sys/utsname.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "cli/bench/figure.h"
#include "cli/bench/servers.h"
#include "cli/bench/user_line.h"
#include "cli/cluster/serve.h"
#include "cli/commands.h"
#include "cli/embedded.h"
#include "settings/names.h"

namespace imroute {
namespace {

using bench::Json;

constexpr DurationNs kLongLease = 600 * kSecond;  // the load sends no pings
constexpr uint64_t kSpareDescriptors = 64;
constexpr uint32_t kConnectionsPerAddress = 10'000;
constexpr uint32_t kLoginsAtOnce = 100;
constexpr DurationNs kLoginsEvery =
    50 * kMillisecond;  // a node's tables are as large as its storms

bench::ServerPlan plan_of(const Options& options, Guarantee guarantee) {
  bench::ServerPlan plan;
  cluster::ServerSettings& common = plan.common;
  common.sessions.lease_ns = kLongLease;
  common.sessions.admission_per_second = 1'000'000;
  common.clients.most = options.connections + 1000;
  common.delivery.guarantee = guarantee;
  if (!options.strategies.empty()) {
    common.strategy = *parse_strategy_name(options.strategies.front(), common.strategy, nullptr);
  }
  if (guarantee == Guarantee::at_least_once && !options.redis.empty()) {
    common.stores.mailbox = cluster::MailboxKind::redis;
    common.stores.directory = cluster::DirectoryKind::redis;
    common.stores.redis = options.redis;
    common.stores.redis_prefix = "imroute-bench-" + std::to_string(::getpid()) + ":";
  }
  return plan;
}

// Each sender at node 0, its receiver at node 1.
bench::Load load_on(const bench::Servers& servers, size_t pairs, uint64_t first_user) {
  std::vector<bench::Pair> out(pairs);
  for (size_t i = 0; i < pairs; ++i) {
    const UserId from{first_user + 2 * i}, to{first_user + 2 * i + 1};
    out[i].from = std::make_unique<bench::UserLine>(servers.node(0), from, to);
    out[i].to = std::make_unique<bench::UserLine>(servers.node(1), to, from);
  }
  return bench::Load(std::move(out));
}

class Bench {
 public:
  Bench(const Options& options, const Console& console) : options_(options), console_(console) {}

  int run() {
    if (wanted("idle")) {  // before anything runs that it would spoil
      bench::need_descriptors(options_.connections + kSpareDescriptors,
                              grouped(options_.connections) + " idle connections");
    }
    if (wanted("routed") || wanted("paced") || wanted("round_trip")) route();
    if (wanted("stored")) store();
    if (wanted("idle")) idle();
    const Json document = {{"imroute", {{"version", build_version()}, {"commit", build_commit()}}},
                           {"machine", machine()},
                           {"figures", figures_}};
    if (options_.json) {
      console_.out << document.dump(2) << '\n';
    } else {
      print(document);
    }
    return kExitHeld;
  }

 private:
  bool wanted(const std::string& name) const {
    return options_.measures.empty() ||
           std::find(options_.measures.begin(), options_.measures.end(), name) !=
               options_.measures.end();
  }
  void note(const std::string& text) const {
    if (console_.err_terminal) console_.err << text << std::endl;
  }

  void route() {
    const bench::Servers servers(plan_of(options_, Guarantee::at_most_once));
    const auto used = [&servers] { return servers.processor_time(); };
    const auto measure = [&](const char* name, size_t pairs, const bench::Shape& shape) {
      if (!wanted(name)) return;
      note(name);
      bench::Load load = load_on(servers, pairs, next_user_);
      next_user_ += 2 * pairs;
      figures_[name] = bench::figure_of(load, shape, used);
    };
    measure("routed", bench::kRoutedPairs, bench::routed_shape(options_.messages));
    measure("paced", bench::kRoutedPairs, bench::paced_shape(options_.messages, options_.rate));
    measure("round_trip", 1, bench::round_trip_shape(options_.messages));
  }

  // The same pairs one message at a time and with a full window; then one pair whose client is a
  // millisecond away (it thinks so long): that is what a window is for.
  void store() {
    const bench::Servers servers(plan_of(options_, Guarantee::at_least_once));
    const auto used = [&servers] { return servers.processor_time(); };
    Json& out = figures_["stored"];
    out["mailbox"] = options_.redis.empty() ? "sqlite" : "redis";
    const auto measure = [&](const std::string& name, size_t pairs, uint32_t window,
                             DurationNs think, uint64_t messages) {
      note("stored " + name);
      bench::Load load = load_on(servers, pairs, next_user_);
      next_user_ += 2 * pairs;
      bench::Shape shape = bench::routed_shape(messages);
      shape.batch = shape.window = window;
      shape.think_ns = think;
      out[name] = bench::figure_of(load, shape, used);
    };
    measure("window_64", bench::kRoutedPairs, 64, 0, options_.messages / 5);
    measure("window_1", bench::kRoutedPairs, 1, 0, options_.messages / 20);
    measure("window_64_far", 1, 64, kMillisecond, options_.messages / 20);
    measure("window_1_far", 1, 1, kMillisecond, options_.messages / 500);
  }

  void idle() {
    note("idle");
    const bench::Servers servers(plan_of(options_, Guarantee::at_least_once));
    const pid_t node = servers.node_pid(0), router = servers.router_pid();
    const uint64_t node_before = bench::private_bytes(node);
    const uint64_t router_before = bench::private_bytes(router);
    std::vector<bench::OpenSocket> sockets;
    for (uint32_t i = 0; i < options_.connections; i += kLoginsAtOnce) {
      const MonoTime next = cluster::monotonic_now() + kLoginsEvery;
      const uint32_t end = std::min(i + kLoginsAtOnce, options_.connections);
      for (uint32_t k = i; k < end; ++k) {
        sockets.push_back(bench::dial(servers.node(0), 2 + k / kConnectionsPerAddress));
        bench::start_bind(sockets.back().value(), UserId{next_user_ + k});
      }
      for (uint32_t k = i; k < end; ++k) bench::wait_bound(sockets[k].value());
      bench::stop_if_interrupted();
      const DurationNs left = next - cluster::monotonic_now();
      if (left > 0) std::this_thread::sleep_for(std::chrono::nanoseconds(left));
    }
    // What a login leaves behind (its questions to the mailbox) has gone when the node is at rest.
    wait_at_rest(node);
    const auto each = [this](uint64_t before, uint64_t after) {
      return static_cast<double>(after - std::min(after, before)) / options_.connections;
    };
    figures_["idle"] = {
        {"connections", options_.connections},
        {"node_bytes_before", node_before},
        {"node_bytes_a_connection", each(node_before, bench::private_bytes(node))},
        {"router_bytes_a_session", each(router_before, bench::private_bytes(router))}};
  }
  // Beacons and checks go on; until it uses less than a fiftieth of a processor.
  static void wait_at_rest(pid_t pid) {
    constexpr DurationNs kLook = 500 * kMillisecond;
    for (int i = 0; i < 60; ++i) {
      bench::stop_if_interrupted();
      const DurationNs before = bench::processor_time(pid);
      std::this_thread::sleep_for(std::chrono::nanoseconds(kLook));
      if (bench::processor_time(pid) - before < kLook / 50) return;
    }
  }

  static Json machine() {
    utsname name{};
    ::uname(&name);
    double load[3] = {};
    ::getloadavg(load, 3);
    return {{"processors", std::thread::hardware_concurrency()},
            {"kernel", std::string(name.sysname) + " " + name.release},
            {"load_average", {load[0], load[1], load[2]}}};
  }

  void print(const Json& document) const;

  const Options& options_;
  const Console& console_;
  Json figures_ = Json::object();
  uint64_t next_user_ = 1;
};

void add_row(Table& table, const std::string& name, const Json& figure) {
  const auto number = [](const Json& value) { return human_number(value.get<double>()); };
  const Json& latency = figure["latency_us"];
  table.add_row({{name, Paint::cyan},
                 {grouped(figure["messages"].get<uint64_t>())},
                 {grouped(static_cast<uint64_t>(figure["messages_per_second"].get<double>()))},
                 {number(figure["server_cpu_s_per_million"])},
                 {number(latency["p50"])},
                 {number(latency["p99"])},
                 {number(latency["p999"])}});
}

void Bench::print(const Json& document) const {
  const Json& figures = document["figures"];
  Table table({{"measured"},
               {"messages", true},
               {"a second", true},
               {"server CPU s / million", true},
               {"p50 us", true},
               {"p99 us", true},
               {"p99.9 us", true}});
  bool any = false;
  for (const auto& [name, figure] : figures.items()) {
    if (name == "idle") continue;
    any = true;
    if (name != "stored") {
      add_row(table, name, figure);
      continue;
    }
    for (const auto& [part, of_part] : figure.items()) {
      if (of_part.is_object()) add_row(table, "stored " + part, of_part);
    }
  }
  if (any) table.print(console_);
  if (!figures.contains("idle")) return;
  const Json& idle = figures["idle"];
  const auto bytes = [&idle](const char* key) {
    return grouped(static_cast<uint64_t>(idle[key].get<double>()));
  };
  console_.out << bytes("connections") << " idle sessions: " << bytes("node_bytes_a_connection")
               << " bytes each in the node, " << bytes("router_bytes_a_session")
               << " in the router that holds the stores\n";
}

}  // namespace

int bench_command(const Options& options, const Console& console) {
  try {
    return in_environment([&] { return Bench(options, console).run(); });
  } catch (const bench::Interrupted&) {
    return kExitInterrupted;
  }
}

}  // namespace imroute
