#include "cluster/process/metrics.h"

#include <vector>

namespace imroute::cluster {

using Cause = std::pair<std::string_view, uint64_t>;

void add(std::string& out, const std::string& name, const char* type, const char* help,
         uint64_t value) {
  out += "# HELP imroute_" + name + " " + help + "\n# TYPE imroute_" + name + " " + type +
         "\nimroute_" + name + " " + std::to_string(value) + "\n";
}

namespace {

void add_links(std::string& out, const std::string& side, const LinkTotals& t, size_t open) {
  const auto counter = [&](const char* name, const char* help, uint64_t value) {
    add(out, side + "_" + name + "_total", "counter", help, value);
  };
  add(out, side + "_links", "gauge", "connections that serve", open);
  counter("frames_in", "frames received", t.frames_in);
  counter("frames_out", "frames sent", t.frames_out);
  counter("bytes_in", "bytes received", t.bytes_in);
  counter("bytes_out", "bytes sent", t.bytes_out);
  counter("writes", "system calls that wrote", t.writes);
  counter("bad_frames", "bytes that were no frame", t.bad_frames);
  counter("slow_readers", "connections closed because they did not read", t.slow_readers);
  counter("bad_handshakes", "connections whose TLS or WebSocket handshake failed",
          t.bad_handshakes);
  counter("version_refused", "connections whose HELLO has no frame version in common with ours",
          t.version_refused);
}

}  // namespace

void add_causes(std::string& out, const std::string& name, const char* help,
                std::span<const Cause> causes) {
  const std::string full = "imroute_" + name + "_total";
  out += "# HELP " + full + " " + help + "\n# TYPE " + full + " counter\n";
  for (const auto& [why, value] : causes) {
    out += full + "{why=\"" + std::string(why) + "\"} " + std::to_string(value) + "\n";
  }
}

void add_refusals(std::string& out, const std::string& name, const char* help,
                  const TokenFaults& refused) {
  std::vector<Cause> causes;
  for (size_t i = 1; i < refused.size(); ++i) {
    causes.emplace_back(to_string(static_cast<TokenFault>(i)), refused[i]);
  }
  add_causes(out, name, help, causes);
}

void add_callback(std::string& out, const Callback& callback) {
  add(out, "auth_asked_total", "counter", "logins that the application was asked about",
      callback.asked());
  add(out, "auth_unanswered_total", "counter", "of these, without a clear answer in time",
      callback.unanswered());
}

namespace {

std::string seconds(uint64_t ns) {
  const std::string below = std::to_string(ns % kSecond);
  return std::to_string(ns / kSecond) + "." + std::string(9 - below.size(), '0') + below;
}

}  // namespace

void add_times(std::string& out, const std::string& name, const char* help,
               const Durations& times) {
  const std::string full = "imroute_" + name;
  const auto bucket = [&](const std::string& most, uint64_t count) {
    out += full + "_bucket{le=\"" + most + "\"} " + std::to_string(count) + "\n";
  };
  out += "# HELP " + full + " " + help + "\n# TYPE " + full + " histogram\n";
  for (uint32_t i = 0; i < Durations::kBorders; ++i) {
    bucket(seconds(Durations::border_ns(i)), times.within(i));
  }
  bucket("+Inf", times.count());
  out += full + "_sum " + seconds(times.sum_ns()) + "\n" + full + "_count " +
         std::to_string(times.count()) + "\n";
}

void add_counters(std::string& out, const Counters& counters) {
  for (const CounterInfo& info : kCounterTable) {
    add(out, std::string(info.name) + "_total", "counter", info.help, counters.*info.value);
  }
}

void add_driver(std::string& out, Driver& driver) {
  add_links(out, "client", driver.clients().totals(), driver.clients().size());
  std::vector<Cause> causes;
  const ClientRefusals refused = driver.clients().refused();
  for (size_t i = 0; i < refused.size(); ++i) {
    causes.emplace_back(to_string(static_cast<ClientRefusal>(i)), refused[i]);
  }
  add_causes(out, "client_refused", "connections refused", causes);
  add_links(out, "peer", driver.peers().totals(), driver.peers().up());
  add(out, "peer_refused_total", "counter", "connections refused", driver.peers().refused());
  add(out, "peer_unsent_total", "counter", "frames for servers that were not connected",
      driver.peers().unsent());
  add(out, "store_operations_open", "gauge", "store operations without an answer yet",
      driver.operations_open());
  add(out, "store_operations_unanswered_total", "counter",
      "store operations without an answer at their deadline", driver.operations_unanswered());
  add_times(out, "mailbox_append_seconds", "from asking the mailbox to append to its answer",
            driver.append_times());
  add_times(out, "directory_seconds", "from asking the directory to its answer",
            driver.directory_times());
}

void add_http(std::string& out, const HttpTotals& t, size_t senders) {
  add(out, "http_requests_total", "counter", "requests of the API", t.requests);
  add(out, "http_bad_requests_total", "counter", "that were no HTTP, too large or late",
      t.bad_requests);
  add(out, "http_unanswered_total", "counter", "requests without an answer in time", t.unanswered);
  add(out, "http_pushed_out_total", "counter", "connections closed for others", t.pushed_out);
  add(out, "http_senders", "gauge", "devices that messages are sent for", senders);
}

void add_status(std::string& out, const NodeStatus& s) {
  add(out, "sessions", "gauge", "bound devices", s.sessions);
  add(out, "routes_in_flight", "gauge", "messages whose users are looked for", s.routes_in_flight);
  add(out, "appends_in_flight", "gauge", "messages on the way to the mailbox", s.appends_in_flight);
  add(out, "cache_entries", "gauge", "locations remembered", s.cache_entries);
  add(out, "serving", "gauge", "1: the lease is held", s.serving);
  add(out, "draining", "gauge", "1: leaving", s.draining);
  add(out, "fenced", "gauge", "1: the lease was lost", s.fenced);
  add(out, "suspended", "gauge", "1: serving on without a registry", s.suspended);
}

}  // namespace imroute::cluster
