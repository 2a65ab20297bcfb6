#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/files.h"
#include "harness/result/result_json.h"
#include "harness/trace/story.h"

namespace imroute {
namespace {

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

// Completes the message from the application's own lines.
void identify(const std::filesystem::path& path, StoryMessage& message) {
  each_line(path, [&](const TraceLine& line) { learn(message, line); });
}

StoryMessage message_named(const std::string& text) {
  if (const std::optional<StoryMessage> message = parse_story_message(text)) return *message;
  throw UsageError(
      "--message takes a message number like 812, or CONVERSATION:SEQUENCE like 3-9:12 "
      "or group-2:5, not \"" +
      text + "\"");
}

Result read_result(const std::filesystem::path& directory) {
  std::string problem;
  const std::filesystem::path path = directory / "result.json";
  std::optional<Result> result = read_result_json(read_file(path), &problem);
  if (!result) throw UsageError(path.string() + ": " + problem);
  return *result;
}

void print_story(const StoryMessage& message, const std::vector<TraceLine>& lines,
                 const Result& result, const Console& console) {
  console.out << console.painted(Paint::bold, title_of(message)) << "\n\n";
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
                   {in_words(line), line.kind == "shown" ? Paint::green : Paint::plain}});
  }
  table.print(console);
}

std::string story_json(const StoryMessage& message, const std::vector<TraceLine>& lines,
                       const Result& result) {
  nlohmann::ordered_json story = {{"message", message.tag},
                                  {"conversation", message.conversation},
                                  {"sequence", message.seq},
                                  {"hops", nlohmann::ordered_json::array()}};
  for (const TraceLine& line : lines) {
    story["hops"].push_back({{"at_ms", static_cast<double>(line.t_ns) / 1e6},
                             {"machine", line.machine},
                             {"kind", line.kind},
                             {"words", in_words(line)},
                             {"faults_in_force", faults_at(result, line.t_ns)}});
  }
  return story.dump(2) + "\n";
}

}  // namespace

int explain_command(const Options& options, const Console& console) {
  const std::filesystem::path directory = options.directory;
  const std::filesystem::path trace = directory / "trace.jsonl";
  StoryMessage message = message_named(options.message);
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
