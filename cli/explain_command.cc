#include <algorithm>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/files.h"
#include "cli/trace_words.h"
#include "harness/result/result_json.h"
#include "harness/scenario/names.h"
#include "harness/trace/trace_line.h"

namespace imroute {
namespace {

// What is known of the message; filled from the request, then from its accepted line.
struct Message {
  uint64_t tag = 0;
  std::string conversation;
  uint64_t seq = 0;
  std::optional<uint64_t> sender;
  uint64_t client_seq = 0;
};

std::optional<uint64_t> whole(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

Message parse_message(const std::string& text) {
  Message message;
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) {
    const auto tag = whole(text);
    if (tag && *tag != 0) {
      message.tag = *tag;
      return message;
    }
  } else if (const auto seq = whole(std::string_view(text).substr(colon + 1)); seq && *seq != 0) {
    message.conversation = text.substr(0, colon);
    message.seq = *seq;
    return message;
  }
  throw UsageError(
      "--message takes a message number like 812, or CONVERSATION:SEQUENCE like 3-9:12 "
      "or group-2:5, not \"" +
      text + "\"");
}

template <class Visit>
void each_line(const std::filesystem::path& path, Visit visit) {
  std::ifstream file(path);
  std::string text;
  size_t number = 0;
  while (std::getline(file, text)) {
    ++number;
    const std::optional<TraceLine> line = read_trace_line(text);
    if (!line) {
      throw UsageError(path.string() + ":" + std::to_string(number) + ": not a line of a trace");
    }
    visit(*line);
  }
}

std::optional<uint64_t> user_of(const std::string& machine) {
  if (machine.rfind("client:", 0) != 0) return {};
  return whole(std::string_view(machine).substr(7, machine.find('.') - 7));
}

// Completes the message from the application's own lines.
void identify(const std::filesystem::path& path, Message& message) {
  each_line(path, [&](const TraceLine& line) {
    const bool by_tag = message.tag != 0 && line.tag == message.tag;
    const bool by_place = message.tag == 0 && line.kind == "accepted" && message.seq != 0 &&
                          line.conversation == message.conversation &&
                          line.position.seq == message.seq;
    if (!by_tag && !by_place) return;
    message.tag = line.tag;
    message.conversation = line.conversation;
    if (line.kind == "sent") message.sender = user_of(line.machine);
    if (line.kind != "accepted" && line.kind != "refused") return;
    message.sender = user_of(line.machine);
    message.client_seq = line.client_seq;
    if (line.position.seq != 0) message.seq = line.position.seq;
  });
}

bool concerns(const Message& message, const TraceLine& line) {
  if (line.tag != 0) return line.tag == message.tag;
  if (line.conversation.empty() || line.conversation != message.conversation) return false;
  if (message.seq != 0 && line.position.seq != 0) return line.position.seq == message.seq;
  return message.client_seq != 0 && line.client_seq == message.client_seq &&
         line.sender == message.sender;
}

std::string faults_at(const Result& result, int64_t t) {
  std::string text;
  for (const FaultOutcome& f : result.faults) {
    if (!f.effective || t < f.fault.at_ns || t > f.until_ns) continue;
    text += (text.empty() ? "" : ", ") + std::string(to_string(f.fault.kind)) + " " +
            target_text(f.fault);
  }
  return text;
}

Result read_result(const std::filesystem::path& directory) {
  std::string problem;
  const std::filesystem::path path = directory / "result.json";
  std::optional<Result> result = read_result_json(read_file(path), &problem);
  if (!result) throw UsageError(path.string() + ": " + problem);
  return *result;
}

void print_story(const Message& message, const std::vector<TraceLine>& lines, const Result& result,
                 const Console& console) {
  std::string title = message.tag != 0 ? "message " + std::to_string(message.tag) : "the message";
  if (message.sender) title += " of user " + std::to_string(*message.sender);
  title += " in " + message.conversation;
  if (message.seq != 0) title += ", sequence " + std::to_string(message.seq);
  console.out << console.painted(Paint::bold, title) << "\n\n";
  const int64_t start = lines.front().t_ns;
  Table table({{"time", true}, {"after", true}, {"where"}, {"what"}});
  std::string last_faults;
  for (const TraceLine& line : lines) {
    const std::string faults = faults_at(result, line.t_ns);
    if (faults != last_faults) {
      table.add_row(
          {{""},
           {""},
           {""},
           {faults.empty() ? "(no fault in force any more)" : "faults in force: " + faults,
            Paint::yellow}});
      last_faults = faults;
    }
    table.add_row({{human_ns(line.t_ns)},
                   {"+" + human_ns(line.t_ns - start), Paint::dim},
                   {line.machine, Paint::cyan},
                   {trace_words(line), line.kind == "shown" ? Paint::green : Paint::plain}});
  }
  table.print(console);
}

std::string story_json(const Message& message, const std::vector<TraceLine>& lines,
                       const Result& result) {
  nlohmann::ordered_json story = {{"message", message.tag},
                                  {"conversation", message.conversation},
                                  {"sequence", message.seq},
                                  {"hops", nlohmann::ordered_json::array()}};
  for (const TraceLine& line : lines) {
    story["hops"].push_back({{"at_ms", static_cast<double>(line.t_ns) / 1e6},
                             {"machine", line.machine},
                             {"kind", line.kind},
                             {"words", trace_words(line)},
                             {"faults_in_force", faults_at(result, line.t_ns)}});
  }
  return story.dump(2) + "\n";
}

}  // namespace

int explain_command(const Options& options, const Console& console) {
  const std::filesystem::path directory = options.directory;
  const std::filesystem::path trace = directory / "trace.jsonl";
  Message message = parse_message(options.message);
  if (!std::filesystem::exists(trace)) {
    throw UsageError("there is no " + trace.string() + "; run the scenario with --trace --out " +
                     options.directory);
  }
  const Result result = read_result(directory);
  identify(trace, message);
  std::vector<TraceLine> lines;
  each_line(trace, [&](const TraceLine& line) {
    if (concerns(message, line)) lines.push_back(line);
  });
  if (lines.empty()) {
    throw UsageError("the run has no message " + options.message + "; it sent " +
                     grouped(result.messages.sent));
  }
  if (options.json) {
    console.out << story_json(message, lines, result);
  } else {
    print_story(message, lines, result, console);
  }
  return kExitHeld;
}

}  // namespace imroute
