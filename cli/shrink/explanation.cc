#include "cli/shrink/explanation.h"

#include <algorithm>
#include <set>

#include "harness/scenario/names.h"
#include "sim/simulation.h"

namespace imroute {
namespace {

constexpr size_t kMostActs = 60;  // messages and actions that are listed

// "client:3.0", "node:1": the machines that a witness names.
std::set<std::string> machines_named(const std::string& witness) {
  std::set<std::string> out;
  for (const auto& [word, machine] : {std::pair("user ", "client:"), std::pair("node ", "node:"),
                                      std::pair("router ", "router:")}) {
    const std::string_view text = witness, name = word;
    for (size_t at = text.find(name); at != text.npos; at = text.find(name, at + 1)) {
      size_t end = at + name.size();
      while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
      if (end > at + name.size()) {
        out.insert(machine + std::string(text.substr(at + name.size(), end - at - name.size())));
      }
    }
  }
  return out;
}

bool is_of(const std::set<std::string>& machines, const TraceLine& line) {
  return machines.contains(line.machine) ||
         machines.contains(line.machine.substr(0, line.machine.find('.')));
}

std::string reader_name(const std::string& machine) {
  if (machine.rfind("client:", 0) != 0) {
    std::string out = machine;
    std::replace(out.begin(), out.end(), ':', ' ');
    return out;
  }
  const size_t dot = machine.find('.');
  const std::string device = dot == std::string::npos ? "0" : machine.substr(dot + 1);
  return "user " + machine.substr(7, dot == std::string::npos ? dot : dot - 7) +
         (device == "0" ? "" : " device " + device);
}

// A name that Mermaid takes as one word.
std::string word_of(const std::string& machine) {
  std::string out = machine;
  for (char& c : out) {
    if (c == ':' || c == '.') c = '_';
  }
  return out;
}

// What Mermaid would take for its own signs.
std::string diagram_text(std::string text) {
  for (char& c : text) {
    if (c == ';') c = ',';
    if (c == '#') c = ' ';
  }
  return text;
}

struct Arrow {
  std::string to;  // empty: a note
  const char* line = "->>";
};

Arrow arrow_of(const TraceLine& line) {
  const std::string& k = line.kind;
  const auto node = [&] { return line.node ? "node:" + std::to_string(*line.node) : ""; };
  const auto client = [&] {
    return line.user ? "client:" + std::to_string(*line.user) + "." + std::to_string(line.device)
                     : "";
  };
  if (k == "append_sent") return {"mailbox"};
  if (k == "append_ok" || k == "append_duplicate" || k == "append_out_of_order") {
    return {"from mailbox", "-->>"};
  }
  if (k == "route_lookup") return {"directory"};
  if (k == "route_push" || k == "handover_sent" || k == "forwarded" || k == "route_hint") {
    return {node()};
  }
  if (k == "route_ack" || k == "route_nack") return {"from " + node(), "-->>"};
  if (k == "deliver" || k == "redeliver") return {client()};
  return {};
}

std::string faults_text(const Explained& e) {
  std::string text;
  for (const FaultOutcome& f : e.result.faults) {
    text += "- " + fault_words(f.fault) + ", from " + human_ns(f.fault.at_ns) + " to " +
            human_ns(f.until_ns) + (f.effective ? "" : " (hit nobody)") + "\n";
  }
  return text.empty() ? "None: no fault is needed.\n" : text;
}

std::string cluster_text(const Scenario& s) {
  return counted(s.topology.nodes, "node") + ", " + counted(s.topology.routers, "router") + ", " +
         counted(s.topology.users, "user") + " with " +
         counted(s.topology.devices_per_user, "device") + " each, strategy " +
         strategy_name(s.strategy) + ", logins by " + balancer_name(s.balancer);
}

// (time, sentence) of everything that users do, in order of time.
std::vector<std::pair<DurationNs, std::string>> acts_of(const Scenario& s) {
  std::vector<std::pair<DurationNs, std::string>> acts;
  for (size_t i = 0; i < s.workload.messages.size(); ++i) {
    const ScriptedMessage& m = s.workload.messages[i];
    std::string text = "user " + std::to_string(m.from) + " sends message " + std::to_string(i + 1);
    text += m.group ? " to group " + std::to_string(*m.group)
                    : " to user " + std::to_string(m.to.value_or(0));
    if (m.answers) text += ", once it has seen message " + std::to_string(*m.answers + 1);
    acts.emplace_back(m.at_ns, std::move(text));
  }
  for (const ScriptedAction& a : s.workload.actions) {
    std::string text = "user " + std::to_string(a.user);
    if (a.kind == ActionKind::relocate) text += " moves to another node";
    if (a.kind == ActionKind::offline) {
      text += a.for_ns == kNever ? " goes offline" : " is offline for " + human_ns(a.for_ns);
    }
    if (a.group) {
      text += a.kind == ActionKind::create ? " makes group "
              : a.kind == ActionKind::join ? " joins group "
                                           : " leaves group ";
      text += std::to_string(*a.group);
    }
    acts.emplace_back(a.at_ns, std::move(text));
  }
  std::stable_sort(acts.begin(), acts.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  return acts;
}

std::string acts_text(const Scenario& s) {
  if (s.workload.rate_microhz != 0) return "They chat as the workload of the scenario draws it.\n";
  const auto acts = acts_of(s);
  if (acts.empty()) return "Nothing but to log in.\n";
  std::string text;
  for (size_t i = 0; i < acts.size() && i < kMostActs; ++i) {
    text += "- " + human_ns(acts[i].first) + ": " + acts[i].second + "\n";
  }
  if (acts.size() > kMostActs) {
    text += "- and " + std::to_string(acts.size() - kMostActs) + " more\n";
  }
  return text;
}

}  // namespace

Explained explain_failure(const Scenario& scenario, const Fingerprint& print) {
  Explained out;
  out.scenario = scenario;
  std::vector<TraceLine> lines;
  SimulationOptions options;
  options.trace = true;
  options.trace_sink = [&](const std::string& text) {
    if (auto line = read_trace_line(text)) lines.push_back(std::move(*line));
  };
  out.result = simulate(scenario, options);
  for (const Violation& violation : out.result.violations) {
    if (violation.excused.empty() && fingerprint_of(violation) == print) {
      out.violation = violation;
      break;
    }
  }
  const std::string& witness = out.violation.witness;
  std::optional<StoryMessage> message = message_of_witness(witness);
  if (message) {
    for (const TraceLine& line : lines) learn(*message, line);
    out.title = title_of(*message);
    std::erase_if(lines, [&](const TraceLine& line) { return !concerns(*message, line); });
  } else {
    const std::set<std::string> machines = machines_named(witness);
    for (const std::string& machine : machines) {
      out.title += (out.title.empty() ? "" : ", ") + reader_name(machine);
    }
    std::erase_if(lines, [&](const TraceLine& line) { return !is_of(machines, line); });
  }
  std::erase_if(lines, [&](const TraceLine& line) { return line.t_ns > out.violation.at_ns; });
  if (lines.size() > Explained::kSteps) {
    out.left_out = lines.size() - Explained::kSteps;
    lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(out.left_out));
  }
  out.steps = std::move(lines);
  return out;
}

std::string sequence_diagram(const Explained& e) {
  std::vector<std::string> machines;
  const auto seen = [&](const std::string& machine) {
    if (std::find(machines.begin(), machines.end(), machine) == machines.end()) {
      machines.push_back(machine);
    }
  };
  std::string body, faults;
  for (const TraceLine& line : e.steps) {
    seen(line.machine);
    const std::string now = faults_at(e.result, line.t_ns);
    if (now != faults) {
      body += "  Note over " + word_of(line.machine) + ": " +
              diagram_text(now.empty() ? "no fault in force any more" : "in force: " + now) + "\n";
      faults = now;
    }
    const Arrow arrow = arrow_of(line);
    const std::string text = ": " + diagram_text(human_ns(line.t_ns) + " " + in_words(line)) + "\n";
    const bool back = arrow.to.rfind("from ", 0) == 0;
    const std::string other = back ? arrow.to.substr(5) : arrow.to;
    if (other.empty()) {
      body += "  Note over " + word_of(line.machine) + text;
      continue;
    }
    seen(other);
    body += "  " + word_of(back ? other : line.machine) + arrow.line +
            word_of(back ? line.machine : other) + text;
  }
  if (machines.empty()) return {};
  std::string out = "sequenceDiagram\n";
  for (const std::string& machine : machines) {
    out += "  participant " + word_of(machine) + " as " + reader_name(machine) + "\n";
  }
  return out + body + "  Note over " + word_of(machines.front()) + ": " +
         diagram_text(human_ns(e.violation.at_ns) + " violated: " + e.violation.property) + "\n";
}

std::string explanation_markdown(const Explained& e, const std::string& reproduce) {
  std::string out = "# " + e.scenario.name + ": " + e.violation.property + "\n\n";
  out += "**Should be:** " + promise_of(e.violation.property) + ".\n\n";
  out += "**Was:** " + e.violation.witness + " (" + human_ns(e.violation.at_ns) + ", phase " +
         e.violation.phase + ").\n\n";
  out += "**Again:** `" + reproduce + "`\n\n";
  out += "## The cluster\n\n" + cluster_text(e.scenario) + ".\n\n";
  out += "## Faults\n\n" + faults_text(e) + "\n## What users do\n\n" + acts_text(e.scenario);
  if (e.steps.empty()) return out;
  out += "\n## The way of " + e.title + "\n\n";
  if (e.left_out != 0) out += std::to_string(e.left_out) + " earlier steps are left out.\n\n";
  out += "| time | where | what | faults in force |\n|---|---|---|---|\n";
  for (const TraceLine& line : e.steps) {
    out += "| " + human_ns(line.t_ns) + " | " + reader_name(line.machine) + " | " + in_words(line) +
           " | " + faults_at(e.result, line.t_ns) + " |\n";
  }
  return out + "\n```mermaid\n" + sequence_diagram(e) + "```\n";
}

void print_explanation(const Explained& e, const Console& console) {
  console.out << "  should be   " << promise_of(e.violation.property) << '\n'
              << "  was         " << e.violation.witness << '\n';
  for (const FaultOutcome& f : e.result.faults) {
    console.out << "  fault       " << fault_words(f.fault) << ", " << human_ns(f.fault.at_ns)
                << " to " << human_ns(f.until_ns) << '\n';
  }
  if (e.steps.empty()) return;
  console.out << '\n' << console.painted(Paint::bold, e.title) << '\n';
  if (e.left_out != 0) console.out << e.left_out << " earlier steps are left out\n";
  Table table({{"time", true}, {"where"}, {"what"}, {"faults in force"}});
  for (const TraceLine& line : e.steps) {
    table.add_row({{human_ns(line.t_ns)},
                   {reader_name(line.machine), Paint::cyan},
                   {in_words(line)},
                   {faults_at(e.result, line.t_ns), Paint::yellow}});
  }
  table.print(console, "  ");
}

}  // namespace imroute
