#include "harness/result/result_json.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "config/units.h"
#include "harness/scenario/names.h"

namespace imroute {
namespace {

// Millionths as decimals without trailing zeros.
std::string decimals(bool negative, uint64_t whole, uint64_t millionths) {
  std::string text = (negative ? "-" : "") + std::to_string(whole);
  if (millionths == 0) return text;
  std::string digits = std::to_string(millionths);
  digits.insert(0, 6 - digits.size(), '0');
  while (digits.back() == '0') digits.pop_back();
  return text + "." + digits;
}

// Writes one document: objects and arrays with two-space indent, short ones on one line.
class Writer {
 public:
  void open(const char* key, char bracket) {
    begin(key);
    out_ += bracket;
    fresh_ = true;
    ++depth_;
  }
  void close(char bracket) {
    --depth_;
    if (!fresh_) line();
    out_ += bracket;
    fresh_ = false;
  }
  void raw(const char* key, const std::string& value) {
    begin(key);
    out_ += value;
  }
  void number(const char* key, uint64_t value) { raw(key, std::to_string(value)); }
  void real(const char* key, double value) { raw(key, format_number(value)); }
  void ms(const char* key, int64_t ns) { raw(key, format_ms(ns)); }
  void text(const char* key, const std::string& value) { raw(key, quote_json(value)); }
  std::string done() { return std::move(out_) + "\n"; }

 private:
  void begin(const char* key) {
    if (!fresh_) out_ += ',';
    fresh_ = false;
    if (depth_ > 0) line();
    if (key != nullptr) out_ += quote_json(key) + ": ";
  }
  void line() { out_ += "\n" + std::string(static_cast<size_t>(depth_) * 2, ' '); }

  std::string out_;
  bool fresh_ = true;
  int depth_ = 0;
};

void write_latency(Writer& w, const char* key, const Histogram& h) {
  w.open(key, '{');
  w.ms("p50", h.quantile_ppm(500'000));
  w.ms("p90", h.quantile_ppm(900'000));
  w.ms("p99", h.quantile_ppm(990'000));
  w.ms("p999", h.quantile_ppm(999'000));
  w.ms("max", h.max());
  w.number("count", h.count());
  std::string buckets = "[";
  for (const auto& [bound, count] : h.buckets()) {
    buckets +=
        (buckets.size() > 1 ? ", [" : "[") + format_ms(bound) + ", " + std::to_string(count) + "]";
  }
  w.raw("buckets", buckets + "]");
  w.close('}');
}

void write_violations(Writer& w, const Result& r) {
  w.open("violations", '[');
  for (const Violation& v : r.violations) {
    w.open(nullptr, '{');
    w.text("property", v.property);
    w.text("phase", v.phase);
    w.ms("at_ms", v.at_ns);
    w.text("witness", v.witness);
    w.open("faults_in_force", '[');
    for (const std::string& fault : v.faults_in_force) w.text(nullptr, fault);
    w.close(']');
    w.raw("excused", v.excused.empty() ? "null" : quote_json(v.excused));
    w.close('}');
  }
  w.close(']');
  w.number("violations_total", r.violations_total);
}

void write_messages(Writer& w, const Result& r) {
  const auto& m = r.messages;
  w.open("messages", '{');
  w.number("sent", m.sent);
  w.number("accepted", m.accepted);
  w.number("refused", m.refused);
  w.number("deliveries_expected", m.deliveries_expected);
  w.number("delivered", m.delivered);
  w.number("lost", m.lost);
  w.number("excused", m.excused);
  w.number("reset", m.reset);
  w.number("undelivered_in_mailbox", m.undelivered_in_mailbox);
  w.open("dropped", '{');
  for (const auto& [cause, n] : m.dropped) w.number(cause.c_str(), n);
  w.close('}');
  w.number("raw_duplicates", m.raw_duplicates);
  w.number("visible_duplicates", m.visible_duplicates);
  w.number("order_violations", m.order_violations);
  w.number("misdelivered", m.misdelivered);
  w.open("via", '{');
  w.number("push", m.via[0]);
  w.number("handover", m.via[1]);
  w.number("sync", m.via[2]);
  w.number("login", m.via[3]);
  w.close('}');
  w.close('}');
}

void write_balance(Writer& w, const char* key, const Balance& b) {
  w.open(key, '{');
  w.real("max_over_mean", b.max_over_mean);
  w.real("cv", b.cv);
  w.close('}');
}

void write_costs(Writer& w, const Result& r) {
  w.open("frames", '{');
  w.number("client", r.frames.client);
  w.number("peer", r.frames.peer);
  w.number("bus", r.frames.bus);
  w.number("router", r.frames.router);
  w.number("directory", r.frames.directory);
  w.number("mailbox", r.frames.mailbox);
  w.number("bytes", r.frames.bytes);
  w.number("counted", r.frames.counted);
  w.real("per_delivery", r.frames_per_delivery);
  w.close('}');
  w.open("route", '{');
  w.real("hit_ratio", r.route.hit_ratio);
  w.number("nacks", r.route.nacks);
  w.number("rebroadcasts", r.route.rebroadcasts);
  w.number("cache_entries_max", r.route.cache_entries_max);
  w.close('}');
  w.open("balance", '{');
  write_balance(w, "sessions", r.balance.sessions);
  write_balance(w, "frames", r.balance.frames);
  write_balance(w, "routers", r.balance.routers);
  w.real("moved_share", r.balance.moved_share);
  w.close('}');
}

void write_faults(Writer& w, const Result& r) {
  w.open("faults", '[');
  for (const FaultOutcome& f : r.faults) {
    w.open(nullptr, '{');
    w.text("kind", std::string(to_string(f.fault.kind)));
    w.text("target", target_text(f.fault));
    w.ms("at_ms", f.fault.at_ns);
    w.ms("until_ms", f.until_ns);
    w.raw("effective", f.effective ? "true" : "false");
    w.raw("recovered_after_ms",
          f.recovered_after_ns < 0 ? "null" : format_ms(f.recovered_after_ns));
    w.close('}');
  }
  w.close(']');
  w.open("coverage", '{');
  for (const auto& [kind, places] : r.coverage) {
    w.open(kind.c_str(), '{');
    for (const auto& [place, hits] : places) w.number(place.c_str(), hits);
    w.close('}');
  }
  w.close('}');
  w.open("recovery", '{');
  w.ms("converged_ms", r.converged_ns);
  w.ms("unavailable_ms", r.unavailable_ns);
  w.close('}');
}

void write_windows(Writer& w, const Result& r) {
  w.open("windows", '[');
  for (const Window& window : r.windows) {
    std::string row = "{\"sent\": " + std::to_string(window.sent);
    row += ", \"accepted\": " + std::to_string(window.accepted);
    row += ", \"delivered\": " + std::to_string(window.delivered);
    row += ", \"p50_ms\": " + format_ms(window.delivery_ns.quantile_ppm(500'000));
    row += ", \"p99_ms\": " + format_ms(window.delivery_ns.quantile_ppm(990'000)) + "}";
    w.raw(nullptr, row);
  }
  w.close(']');
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "pass";
    case Verdict::fail:
      return "fail";
    case Verdict::vacuous:
      return "vacuous";
  }
  return "";
}

std::string format_number(double value) {
  const bool negative = value < 0;
  const double size = negative ? -value : value;
  if (!(size < 9e12)) return std::isfinite(value) ? std::to_string(std::llround(value)) : "null";
  const auto millionths = static_cast<uint64_t>(std::llround(size * 1e6));
  return decimals(negative && millionths != 0, millionths / 1'000'000, millionths % 1'000'000);
}

std::string format_ms(int64_t ns) {
  const uint64_t size = ns < 0 ? 0 - static_cast<uint64_t>(ns) : static_cast<uint64_t>(ns);
  return decimals(ns < 0, size / 1'000'000, size % 1'000'000);
}

std::string quote_json(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20) {
      char escape[7];
      std::snprintf(escape, sizeof escape, "\\u%04x", byte);
      out += escape;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string write_result_json(const Result& r) {
  Writer w;
  w.open(nullptr, '{');
  w.number("format", 1);
  w.open("imroute", '{');
  w.text("version", r.version);
  w.text("commit", r.commit);
  w.close('}');
  w.text("name", r.name);
  w.text("world", r.world);
  w.number("seed", r.seed);
  w.text("scenario_hash", format_hex(r.scenario_hash));
  w.text("verdict", std::string(to_string(r.verdict)));
  if (r.stopped_at_ns) w.ms("stopped_at_ms", *r.stopped_at_ns);
  w.raw("trace_hash", r.world == "cluster" ? "null" : quote_json(format_hex(r.trace_hash)));
  write_violations(w, r);
  write_messages(w, r);
  w.open("latency_ms", '{');
  write_latency(w, "accept", r.accept_ns);
  write_latency(w, "delivery", r.delivery_ns);
  w.close('}');
  write_costs(w, r);
  write_faults(w, r);
  w.open("counters", '{');
  for (const CounterInfo& c : kCounterTable) w.number(c.name, r.counters.*c.value);
  w.close('}');
  w.number("events", r.events);
  write_windows(w, r);
  w.open("machine", '{');
  w.real("wall_seconds", r.wall_seconds);
  w.real("events_per_second", r.events_per_second);
  w.number("peak_rss_bytes", r.peak_rss_bytes);
  w.text("command", r.command);
  w.close('}');
  w.close('}');
  return w.done();
}

}  // namespace imroute
