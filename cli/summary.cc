#include "cli/summary.h"

#include <algorithm>

#include "harness/scenario/names.h"

namespace imroute {
namespace {

std::string share(uint64_t part, uint64_t whole) {
  if (whole == 0) return "0 %";
  return human_number(100.0 * static_cast<double>(part) / static_cast<double>(whole)) + " %";
}

void row(const Console& console, const char* name, const std::string& text) {
  std::string padded = name;
  padded.resize(12, ' ');
  console.out << "  " << console.painted(Paint::dim, padded) << text << '\n';
}

std::string latency(const Histogram& h) {
  if (h.count() == 0) return "none";
  return "p50 " + human_ns(h.quantile_ppm(500'000)) + ", p90 " + human_ns(h.quantile_ppm(900'000)) +
         ", p99 " + human_ns(h.quantile_ppm(990'000)) + ", max " + human_ns(h.max());
}

std::string harms(const Result& result, const Console& console) {
  const auto& m = result.messages;
  std::string text;
  auto add = [&](uint64_t n, const char* what, bool bad) {
    if (!text.empty()) text += ", ";
    text += console.painted(n > 0 && bad ? Paint::red : Paint::plain, grouped(n) + " " + what);
  };
  add(m.lost, "lost", true);
  add(m.visible_duplicates, "shown twice", true);
  add(m.order_violations, "out of order", true);
  add(m.misdelivered, "misdelivered", true);
  if (m.excused > 0) add(m.excused, "lost by the store itself (excused)", false);
  if (m.undelivered_in_mailbox > 0) add(m.undelivered_in_mailbox, "waiting in the mailbox", false);
  if (m.reset > 0) add(m.reset, "past retention", false);
  return text;
}

void print_messages(const Result& result, const Console& console) {
  const auto& m = result.messages;
  row(console, "messages",
      grouped(m.sent) + " sent, " + grouped(m.accepted) + " accepted, " + grouped(m.refused) +
          " refused");
  row(console, "deliveries",
      grouped(m.delivered) + " of " + grouped(m.deliveries_expected) + " expected");
  row(console, "", harms(result, console));
  if (!m.dropped.empty()) {
    std::string text;
    for (const auto& [cause, n] : m.dropped) {
      text += (text.empty() ? "" : ", ") + grouped(n) + " " + cause;
    }
    row(console, "dropped", text);
  }
  const uint64_t all = m.via[0] + m.via[1] + m.via[2] + m.via[3];
  row(console, "arrived by",
      "push " + share(m.via[0], all) + ", hand-over " + share(m.via[1], all) + ", sync " +
          share(m.via[2], all) + ", login " + share(m.via[3], all));
  row(console, "latency", latency(result.delivery_ns));
  row(console, "accepted", latency(result.accept_ns));
}

void print_costs(const Result& result, const Console& console) {
  row(console, "frames",
      console.painted(Paint::bold, human_number(result.frames_per_delivery)) +
          " per delivery (peer " + grouped(result.frames.peer) + ", bus " +
          grouped(result.frames.bus) + ", router " + grouped(result.frames.router) +
          ", directory " + grouped(result.frames.directory) + ")");
  row(console, "routing",
      "cache hits " + human_number(result.route.hit_ratio * 100) + " %, " +
          counted(result.route.nacks, "NACK") + ", " +
          counted(result.route.rebroadcasts, "re-broadcast"));
  row(console, "balance",
      "fullest node holds " + human_number(result.balance.sessions.max_over_mean) +
          " times the mean of sessions, handles " +
          human_number(result.balance.frames.max_over_mean) + " times the mean of frames");
  row(console, "recovery",
      "converged " + human_ns(result.converged_ns) + " after the last fault, unavailable for " +
          human_ns(result.unavailable_ns));
}

void print_faults(const Result& result, const Console& console) {
  if (result.faults.empty()) return;
  constexpr size_t kShown = 20;
  console.out << '\n';
  Table table(
      {{"fault"}, {"target"}, {"from", true}, {"until", true}, {"effect"}, {"recovered", true}});
  for (size_t i = 0; i < result.faults.size() && i < kShown; ++i) {
    const FaultOutcome& f = result.faults[i];
    table.add_row({{std::string(to_string(f.fault.kind))},
                   {target_text(f.fault)},
                   {human_ns(f.fault.at_ns)},
                   {f.until_ns == kNever ? "end" : human_ns(f.until_ns)},
                   {f.effective ? "yes" : "none", f.effective ? Paint::plain : Paint::yellow},
                   {f.recovered_after_ns < 0 ? "–" : human_ns(f.recovered_after_ns)}});
  }
  table.print(console, "  ");
  if (result.faults.size() > kShown) {
    console.out << "  and " << result.faults.size() - kShown << " more, see result.json\n";
  }
}

void print_violations(const Result& result, const std::string& reproduce, const Console& console) {
  if (result.violations.empty()) return;
  constexpr size_t kShown = 5;
  console.out << '\n';
  for (size_t i = 0; i < result.violations.size() && i < kShown; ++i) {
    const Violation& v = result.violations[i];
    console.out << "  " << console.painted(Paint::red, v.property) << " at " << human_ns(v.at_ns)
                << " (" << v.phase << "): " << v.witness << '\n';
    if (!v.faults_in_force.empty()) {
      console.out << "    faults in force:";
      for (const std::string& fault : v.faults_in_force) console.out << ' ' << fault;
      console.out << '\n';
    }
    if (!v.excused.empty()) console.out << "    excused: " << v.excused << '\n';
  }
  const uint64_t total = std::max<uint64_t>(result.violations_total, result.violations.size());
  if (total > kShown) console.out << "  and " << grouped(total - kShown) << " more\n";
  console.out << "  reproduce: " << reproduce << '\n';
}

}  // namespace

void print_summary(const Result& result, const std::string& reproduce, const Console& console) {
  console.out << console.painted(Paint::bold, result.name) << "  seed " << result.seed << "  ";
  switch (result.verdict) {
    case Verdict::pass:
      if (result.stopped_at_ns) {
        console.out << console.painted(Paint::yellow, "STOPPED") << "  at "
                    << human_ns(*result.stopped_at_ns) << ": not judged to its end\n";
        break;
      }
      console.out << console.painted(Paint::green, "PASS") << "  every promise was kept\n";
      break;
    case Verdict::fail:
      console.out << console.painted(Paint::red, "FAIL") << "  "
                  << counted(std::max<uint64_t>(result.violations_total, result.violations.size()),
                             "violation")
                  << '\n';
      break;
    case Verdict::vacuous:
      console.out << console.painted(Paint::red, "VACUOUS") << "  nothing was judged\n";
      break;
  }
  print_messages(result, console);
  print_costs(result, console);
  print_faults(result, console);
  print_violations(result, reproduce, console);
  char hash[17];
  std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(result.trace_hash));
  console.out << '\n';
  row(console, "trace hash", hash);
  row(console, "simulated",
      grouped(result.events) + " events in " + human_ms(result.wall_seconds * 1000) + " (" +
          human_number(result.events_per_second / 1e6) + " million a second)");
}

}  // namespace imroute
