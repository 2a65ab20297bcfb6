// diff-trace: what is different about the two runs, where they part, and the lines that show it
// where only checkpoints are there.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/reproduce.h"
#include "cli/trace_diff.h"
#include "config/units.h"
#include "harness/trace/story.h"

namespace imroute {
namespace {

using Json = nlohmann::ordered_json;

// "1.890960961 s": exact, as neighbours may be nanoseconds apart.
std::string seconds(int64_t ns) {
  std::string rest = std::to_string(ns % kSecond + kSecond).substr(1);
  while (!rest.empty() && rest.back() == '0') rest.pop_back();
  return std::to_string(ns / kSecond) + (rest.empty() ? "" : "." + rest) + " s";
}

std::string build_of(const Result& result) { return result.version + " (" + result.commit + ")"; }

// ---- what is different from the start
// --------------------------------------------------------------------------------------------

struct Difference {
  std::string what, a, b;
};

std::vector<Difference> differences(const TraceSide& a, const TraceSide& b) {
  if (!a.result || !b.result) return {};
  const auto scenario = [](const Result& r) {
    return r.name + " (" + format_hex(r.scenario_hash) + ")";
  };
  const Difference all[] = {
      {"scenario", scenario(*a.result), scenario(*b.result)},
      {"seed", std::to_string(a.result->seed), std::to_string(b.result->seed)},
      {"build", build_of(*a.result), build_of(*b.result)}};
  std::vector<Difference> found;
  std::copy_if(std::begin(all), std::end(all), std::back_inserter(found),
               [](const Difference& d) { return d.a != d.b; });
  return found;
}

// ---- the lines that show it
// ------------------------------------------------------------------------------------------------

struct Interval {
  uint64_t from_event = 0, to_event_a = 0, to_event_b = 0;
  int64_t from_ns = 0, to_ns = 0;
};

Interval interval_of(const TraceSide& a, const TraceSide& b, const CheckpointParting& parting) {
  Interval interval;
  if (parting.equal_a >= 0) {
    const Checkpoint& equal = a.checkpoints[static_cast<size_t>(parting.equal_a)];
    interval.from_event = equal.events;
    interval.from_ns = equal.t_ns;
  }
  const Checkpoint& after_a = a.checkpoints[parting.after_a];
  const Checkpoint& after_b = b.checkpoints[parting.after_b];
  interval.to_event_a = after_a.events;
  interval.to_event_b = after_b.events;
  interval.to_ns = std::max(after_a.t_ns, after_b.t_ns);
  return interval;
}

// How the program was called: the first words of the recorded command.
std::string call_of(const TraceSide& side) {
  const std::string command = side.result ? side.result->command : "";
  const std::string planted = "imroute_planted run --plant ";
  if (command.rfind(planted, 0) == 0) return command.substr(0, command.find(' ', planted.size()));
  return command.substr(0, command.find(' ')) == "imroute_planted" ? "imroute_planted run"
                                                                   : "imroute run";
}

// Runs the sides that have no trace until the interval is over, and compares again. The events part
// within it; a line that tells of it may come later.
std::vector<std::string> lines_that_show(const TraceSide& a, const TraceSide& b,
                                         const Interval& interval) {
  const int64_t until = (interval.to_ns + kMillisecond - 1) / kMillisecond * kMillisecond;
  std::vector<std::string> lines;
  std::string compare = "imroute diff-trace";
  for (const TraceSide* side : {&a, &b}) {
    if (!side->trace.empty()) {
      compare += " " + shell_word(side->path);
      continue;
    }
    std::filesystem::path directory = std::filesystem::path(side->path).lexically_normal();
    if (!directory.has_filename()) directory = directory.parent_path();
    const std::string traced = directory.string() + "-trace";
    lines.push_back(call_of(*side) + " " + shell_word((directory / "effective.json").string()) +
                    " --trace --until " + format_duration(until) + " --out " + shell_word(traced));
    compare += " " + shell_word(traced);
  }
  lines.push_back(compare);
  return lines;
}

// ---- for people
// --------------------------------------------------------------------------------------------

void print_line(Table& table, const char* side, uint64_t number, const std::string& text,
                Paint paint) {
  const std::optional<TraceLine> line = read_trace_line(text);
  if (!line) return;
  std::string words = in_words(*line);
  if (!line->conversation.empty()) {
    words += ", " + line->conversation;
    if (line->position.seq != 0) words += ":" + std::to_string(line->position.seq);
  }
  table.add_row({{side, paint},
                 {grouped(number)},
                 {seconds(line->t_ns)},
                 {line->machine, Paint::cyan},
                 {words, paint}});
}

struct Field {
  std::string name, a, b;  // "" = that line has no such field
};

std::vector<Field> fields_of(const std::string& a, const std::string& b) {
  const Json left = Json::parse(a), right = Json::parse(b);
  std::vector<Field> fields;
  for (const auto& [key, value] : left.items()) {
    fields.push_back({key, value.dump(), right.contains(key) ? right[key].dump() : ""});
  }
  for (const auto& [key, value] : right.items()) {
    if (!left.contains(key)) fields.push_back({key, "", value.dump()});
  }
  return fields;
}

void print_parting(const LineParting& parting, const Console& console) {
  Table lines({{""}, {"line", true}, {"time", true}, {"where"}, {"what"}});
  uint64_t number = parting.number - parting.before.size();
  for (const std::string& text : parting.before) {
    print_line(lines, "both", number++, text, Paint::plain);
  }
  if (parting.a) print_line(lines, "A", parting.number, *parting.a, Paint::red);
  if (parting.b) print_line(lines, "B", parting.number, *parting.b, Paint::green);
  console.out << '\n';
  lines.print(console, "  ");
  if (!parting.a || !parting.b) return;
  Table fields({{"field"}, {"A"}, {"B"}, {""}});
  for (const Field& field : fields_of(*parting.a, *parting.b)) {
    const bool differs = field.a != field.b;
    fields.add_row({{field.name},
                    {field.a, differs ? Paint::red : Paint::plain},
                    {field.b, differs ? Paint::green : Paint::plain},
                    {differs ? "differs" : ""}});
  }
  console.out << '\n';
  fields.print(console, "  ");
}

std::string where_events_part(const Interval& interval) {
  const std::string to =
      interval.to_event_a == interval.to_event_b
          ? grouped(interval.to_event_a)
          : grouped(interval.to_event_a) + " (A) or " + grouped(interval.to_event_b) + " (B)";
  return "after event " + grouped(interval.from_event) + " (" + seconds(interval.from_ns) +
         ") and not later than event " + to + " (" + seconds(interval.to_ns) + ")";
}

std::string headline(const TraceSide& a, const TraceDiff& diff) {
  if (diff.lines && diff.lines->number != 0) {
    const LineParting& lines = *diff.lines;
    if (lines.a && lines.b) return "They part at line " + grouped(lines.number) + ".";
    const char* shorter = lines.a ? "B" : "A";
    return std::string(shorter) + " is the beginning of " + (lines.a ? "A" : "B") +
           ": it ends after " + counted(lines.shared, "line") + ", all the same.";
  }
  if (diff.lines && !diff.same()) {
    return "All " + grouped(diff.lines->shared) +
           " lines are the same; the runs part in an event of which no line tells.";
  }
  if (!diff.same()) return "They part.";
  return "The same" +
         (diff.lines ? ": " + counted(diff.lines->shared, "line")
                     : ", so far as checkpoints tell: " + grouped(a.checkpoints.back().events) +
                           " events") +
         ".";
}

void print_diff(const TraceSide& a, const TraceSide& b, const TraceDiff& diff,
                const Console& console) {
  for (const auto& [name, side] : {std::pair("A", &a), std::pair("B", &b)}) {
    console.out << name << "  " << side->path;
    if (side->result) {
      console.out << "  " << side->result->name << "  seed " << side->result->seed
                  << "  trace hash " << format_hex(side->result->trace_hash);
    }
    console.out << '\n';
  }
  for (const Difference& d : differences(a, b)) {
    console.out << console.painted(Paint::yellow, "not the same " + d.what) << ": A " << d.a
                << ", B " << d.b << '\n';
  }
  console.out << '\n' << console.painted(Paint::bold, headline(a, diff)) << '\n';
  if (diff.events && !diff.events->same) {
    console.out << "The events part " << where_events_part(interval_of(a, b, *diff.events))
                << ".\n";
  } else if (diff.events && !diff.same()) {
    console.out << "The events are the same: only what was written about them differs.\n";
  }
  if (diff.lines && diff.lines->number != 0) print_parting(*diff.lines, console);
  if (diff.lines || diff.same()) return;
  console.out
      << "\nThis shows the lines up to there, and the first that differs if it is one of them";
  const bool builds = a.result && b.result && build_of(*a.result) != build_of(*b.result);
  if (builds) console.out << " (the first with the build of A, the second with that of B)";
  console.out << ":\n";
  for (const std::string& line : lines_that_show(a, b, interval_of(a, b, *diff.events))) {
    console.out << "  " << line << '\n';
  }
}

// ---- for programs
// ------------------------------------------------------------------------------------------------

Json side_json(const TraceSide& side) {
  Json json = {{"path", side.path}, {"trace", !side.trace.empty()}};
  if (!side.result) return json;
  json["name"] = side.result->name;
  json["seed"] = side.result->seed;
  json["scenario_hash"] = format_hex(side.result->scenario_hash);
  json["imroute"] = {{"version", side.result->version}, {"commit", side.result->commit}};
  json["trace_hash"] = format_hex(side.result->trace_hash);
  return json;
}

Json lines_json(const LineParting& parting) {
  const auto line = [](const std::optional<std::string>& text) {
    return text ? Json::parse(*text) : Json(nullptr);
  };
  Json json = {{"shared", parting.shared}};
  json["first_different"] = nullptr;
  if (parting.number == 0) return json;
  json["first_different"] = parting.number;
  json["prefix"] = !parting.a ? Json("a") : !parting.b ? Json("b") : Json(nullptr);
  json["before"] = Json::array();
  for (const std::string& text : parting.before) json["before"].push_back(Json::parse(text));
  json["a"] = line(parting.a);
  json["b"] = line(parting.b);
  json["fields"] = Json::array();
  if (!parting.a || !parting.b) return json;
  for (const Field& field : fields_of(*parting.a, *parting.b)) {
    if (field.a != field.b) json["fields"].push_back(field.name);
  }
  return json;
}

std::string diff_json(const TraceSide& a, const TraceSide& b, const TraceDiff& diff) {
  Json json = {{"format", 1}, {"same", diff.same()}, {"a", side_json(a)}, {"b", side_json(b)}};
  json["not_the_same"] = Json::array();
  for (const Difference& d : differences(a, b)) json["not_the_same"].push_back(d.what);
  json["lines"] = diff.lines ? lines_json(*diff.lines) : Json(nullptr);
  json["events"] = nullptr;
  json["show"] = Json::array();
  if (diff.events) {
    json["events"] = {{"same", diff.events->same}};
    if (!diff.events->same) {
      const Interval interval = interval_of(a, b, *diff.events);
      json["events"]["last_equal"] = interval.from_event;
      json["events"]["last_equal_ns"] = interval.from_ns;
      json["events"]["not_later_than"] = {{"a", interval.to_event_a}, {"b", interval.to_event_b}};
      json["events"]["not_later_than_ns"] = interval.to_ns;
      if (!diff.lines) json["show"] = lines_that_show(a, b, interval);
    }
  }
  return json.dump(2) + "\n";
}

}  // namespace

int diff_trace_command(const Options& options, const Console& console) {
  const TraceSide a = open_side(options.trace_a);
  const TraceSide b = open_side(options.trace_b);
  const TraceDiff diff = diff_traces(a, b);
  if (options.json) {
    console.out << diff_json(a, b, diff);
  } else {
    print_diff(a, b, diff, console);
  }
  return diff.same() ? kExitHeld : kExitViolated;
}

}  // namespace imroute
