#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "harness/result/result_json.h"
#include "harness/scenario/names.h"

namespace imroute {
namespace {

using nlohmann::json;

int64_t ns_of(const json& ms) { return std::llround(ms.get<double>() * 1e6); }
uint64_t hex_of(const json& text) {
  return text.is_null() ? 0 : std::strtoull(text.get<std::string>().c_str(), nullptr, 16);
}

void read_histogram(const json& j, Histogram& h) {
  const int64_t max = ns_of(j.at("max"));  // known exactly, unlike its bucket's bound
  for (const json& bucket : j.at("buckets")) {
    h.add(std::min(ns_of(bucket.at(0)), max), bucket.at(1).get<uint64_t>());
  }
}

void read_violations(const json& j, Result& r) {
  for (const json& v : j.at("violations")) {
    Violation& out = r.violations.emplace_back();
    out.property = v.at("property");
    out.phase = v.at("phase");
    out.at_ns = ns_of(v.at("at_ms"));
    out.witness = v.at("witness");
    out.faults_in_force = v.at("faults_in_force").get<std::vector<std::string>>();
    if (!v.at("excused").is_null()) out.excused = v.at("excused");
  }
  r.violations_total = j.at("violations_total");
}

void read_messages(const json& m, Result& r) {
  r.messages.sent = m.at("sent");
  r.messages.accepted = m.at("accepted");
  r.messages.refused = m.at("refused");
  r.messages.deliveries_expected = m.at("deliveries_expected");
  r.messages.delivered = m.at("delivered");
  r.messages.lost = m.at("lost");
  r.messages.excused = m.at("excused");
  r.messages.reset = m.at("reset");
  r.messages.undelivered_in_mailbox = m.at("undelivered_in_mailbox");
  r.messages.raw_duplicates = m.at("raw_duplicates");
  r.messages.visible_duplicates = m.at("visible_duplicates");
  r.messages.order_violations = m.at("order_violations");
  r.messages.misdelivered = m.at("misdelivered");
  for (const auto& [cause, n] : m.at("dropped").items()) r.messages.dropped[cause] = n;
  const json& via = m.at("via");
  r.messages.via = {via.at("push"), via.at("handover"), via.at("sync"), via.at("login")};
}

void read_costs(const json& j, Result& r) {
  const json& f = j.at("frames");
  r.frames.client = f.at("client");
  r.frames.peer = f.at("peer");
  r.frames.bus = f.at("bus");
  r.frames.router = f.at("router");
  r.frames.directory = f.at("directory");
  r.frames.mailbox = f.at("mailbox");
  r.frames.bytes = f.at("bytes");
  r.frames.counted = f.at("counted");
  r.frames_per_delivery = f.at("per_delivery");
  const json& route = j.at("route");
  r.route.hit_ratio = route.at("hit_ratio");
  r.route.nacks = route.at("nacks");
  r.route.rebroadcasts = route.at("rebroadcasts");
  r.route.cache_entries_max = route.at("cache_entries_max");
  const auto balance = [&](const char* key) {
    const json& b = j.at("balance").at(key);
    return Balance{b.at("max_over_mean"), b.at("cv")};
  };
  r.balance.sessions = balance("sessions");
  r.balance.frames = balance("frames");
  r.balance.routers = balance("routers");
  r.balance.moved_share = j.at("balance").at("moved_share");
}

void read_faults(const json& j, Result& r) {
  for (const json& f : j.at("faults")) {
    FaultOutcome& out = r.faults.emplace_back();
    for (const FaultInfo& info : fault_infos()) {
      if (f.at("kind").get<std::string>() == info.name) out.fault.kind = info.kind;
    }
    parse_fault_target(f.at("target").get<std::string>(), out.fault);
    out.fault.at_ns = ns_of(f.at("at_ms"));
    out.until_ns = ns_of(f.at("until_ms"));
    out.fault.for_ns = out.until_ns - out.fault.at_ns;
    out.effective = f.at("effective");
    const json& recovered = f.at("recovered_after_ms");
    out.recovered_after_ns = recovered.is_null() ? -1 : ns_of(recovered);
  }
  for (const auto& [kind, places] : j.at("coverage").items()) {
    for (const auto& [place, hits] : places.items()) r.coverage[kind][place] = hits;
  }
  r.converged_ns = ns_of(j.at("recovery").at("converged_ms"));
  r.unavailable_ns = ns_of(j.at("recovery").at("unavailable_ms"));
}

void read_rest(const json& j, Result& r) {
  for (const CounterInfo& c : kCounterTable) {
    if (j.at("counters").contains(c.name)) r.counters.*c.value = j.at("counters").at(c.name);
  }
  r.events = j.at("events");
  for (const json& w : j.at("windows")) {
    Window& out = r.windows.emplace_back();
    out.sent = w.at("sent");
    out.accepted = w.at("accepted");
    out.delivered = w.at("delivered");
    // Of the window's distribution only two quantiles were kept: stand-ins that give them back.
    out.delivery_ns.add(ns_of(w.at("p50_ms")), 98);
    out.delivery_ns.add(ns_of(w.at("p99_ms")), 2);
  }
  const json& machine = j.at("machine");
  r.wall_seconds = machine.at("wall_seconds");
  r.events_per_second = machine.at("events_per_second");
  r.peak_rss_bytes = machine.at("peak_rss_bytes");
  r.command = machine.at("command");
}

}  // namespace

std::optional<Result> read_result_json(const std::string& text, std::string* problem) try {
  const json j = json::parse(text);
  if (j.at("format") != 1) {
    if (problem != nullptr) *problem = "the format is not 1";
    return std::nullopt;
  }
  Result r;
  r.version = j.at("imroute").at("version");
  r.commit = j.at("imroute").at("commit");
  r.name = j.at("name");
  r.world = j.at("world");
  r.seed = j.at("seed");
  r.scenario_hash = hex_of(j.at("scenario_hash"));
  r.trace_hash = hex_of(j.at("trace_hash"));
  const std::string verdict = j.at("verdict");
  r.verdict = verdict == "pass"   ? Verdict::pass
              : verdict == "fail" ? Verdict::fail
                                  : Verdict::vacuous;
  if (j.contains("stopped_at_ms")) r.stopped_at_ns = ns_of(j["stopped_at_ms"]);
  read_violations(j, r);
  read_messages(j.at("messages"), r);
  read_histogram(j.at("latency_ms").at("accept"), r.accept_ns);
  read_histogram(j.at("latency_ms").at("delivery"), r.delivery_ns);
  read_costs(j, r);
  read_faults(j, r);
  read_rest(j, r);
  return r;
} catch (const nlohmann::json::exception& e) {
  if (problem != nullptr) *problem = e.what();
  return std::nullopt;
}

}  // namespace imroute
