#include "cli/timeline.h"

#include <nlohmann/json.hpp>

#include "harness/result/result_json.h"
#include "harness/scenario/names.h"
#include "harness/trace/trace_line.h"

namespace imroute {
namespace {

constexpr int kMachines = 1, kWorld = 2;  // process numbers: machines; faults and curves

std::string microseconds(int64_t ns) { return format_number(static_cast<double>(ns) / 1000); }

std::string head(char phase, int process, int track, int64_t ns) {
  return std::string("{\"ph\":\"") + phase + "\",\"pid\":" + std::to_string(process) +
         ",\"tid\":" + std::to_string(track) + ",\"ts\":" + microseconds(ns);
}

// The message a line is about: conversation, sender and client_seq are known on every hop.
std::string flow_key(const TraceLine& line) {
  if (line.conversation.empty() || line.client_seq == 0 || !line.sender) return {};
  return line.conversation + "/" + std::to_string(*line.sender) + "/" +
         std::to_string(line.client_seq);
}

}  // namespace

Timeline::Timeline(const std::filesystem::path& path) : file_(path) {
  file_.append("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n");
  event("{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":\"machines\"}}");
  event("{\"ph\":\"M\",\"pid\":2,\"name\":\"process_name\",\"args\":{\"name\":\"world\"}}");
}

void Timeline::event(const std::string& json) {
  file_.append(first_ ? json : ",\n" + json);
  first_ = false;
}

int Timeline::track_of(const std::string& machine) {
  const auto found = tracks_.find(machine);
  if (found != tracks_.end()) return found->second;
  const int track = static_cast<int>(tracks_.size()) + 1;
  tracks_.emplace(machine, track);
  event("{\"ph\":\"M\",\"pid\":1,\"tid\":" + std::to_string(track) +
        ",\"name\":\"thread_name\",\"args\":{\"name\":" + quote_json(machine) + "}}");
  return track;
}

void Timeline::add_trace_line(const std::string& json_line) {
  const std::optional<TraceLine> line = read_trace_line(json_line);
  if (!line) return;
  const int track = track_of(line->machine);
  event(head('X', kMachines, track, line->t_ns) + ",\"dur\":1,\"name\":" + quote_json(line->kind) +
        ",\"args\":" + json_line + "}");
  const std::string key = flow_key(*line);
  if (key.empty()) return;
  const auto [flow, started] = flows_.emplace(key, flows_.size() + 1);
  event(head(started ? 's' : 't', kMachines, track, line->t_ns) +
        ",\"name\":\"message\",\"cat\":\"message\",\"id\":" + std::to_string(flow->second) + "}");
}

void Timeline::finish(const Result& result) {
  int track = 0;
  for (const FaultOutcome& f : result.faults) {
    const int64_t end =
        f.until_ns == kNever ? static_cast<int64_t>(result.windows.size()) * kSecond : f.until_ns;
    ++track;  // a track each: faults overlap, slices of a track must not
    const std::string name = std::string(to_string(f.fault.kind)) + " " + target_text(f.fault);
    event("{\"ph\":\"M\",\"pid\":2,\"tid\":" + std::to_string(track) +
          ",\"name\":\"thread_name\",\"args\":{\"name\":\"fault\"}}");
    event(head('X', kWorld, track, f.fault.at_ns) +
          ",\"dur\":" + microseconds(std::max<int64_t>(end - f.fault.at_ns, kMillisecond)) +
          ",\"name\":" + quote_json(name) +
          ",\"args\":{\"effective\":" + (f.effective ? "true" : "false") + "}}");
  }
  int64_t second = 0;
  for (const Window& w : result.windows) {
    event(head('C', kWorld, 0, second * kSecond) + ",\"name\":\"messages a second\",\"args\":{" +
          "\"sent\":" + std::to_string(w.sent) + ",\"accepted\":" + std::to_string(w.accepted) +
          ",\"delivered\":" + std::to_string(w.delivered) + "}}");
    event(head('C', kWorld, 0, second * kSecond) + ",\"name\":\"delivery ms\",\"args\":{\"p50\":" +
          format_ms(w.delivery_ns.quantile_ppm(500'000)) +
          ",\"p99\":" + format_ms(w.delivery_ns.quantile_ppm(990'000)) + "}}");
    ++second;
  }
  file_.append("\n]}\n");
  file_.close();
}

}  // namespace imroute
