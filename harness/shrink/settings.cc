#include "harness/shrink/settings.h"

#include <algorithm>
#include <vector>

#include "harness/scenario/loader.h"
#include "harness/scenario/scenario_shape.h"

namespace imroute {
namespace {

using Path = std::vector<std::string>;

JsonValue tree_of(const Scenario& scenario) {
  Scenario copy = scenario;
  return write_shape(scenario_shape(copy));
}

// The object that holds the last part of the path; arrays are entered by index.
JsonValue* holder_of(JsonValue& root, const Path& path) {
  JsonValue* at = &root;
  for (size_t i = 0; i + 1 < path.size() && at != nullptr; ++i) {
    at = at->is(JsonValue::Kind::array) ? &at->items[std::stoul(path[i])] : at->find(path[i]);
  }
  return at;
}

JsonValue without(const JsonValue& root, const Path& path) {
  JsonValue out = root;
  if (JsonValue* holder = holder_of(out, path); holder != nullptr) {
    std::erase_if(holder->members, [&](const JsonMember& m) { return m.key == path.back(); });
  }
  return out;
}

// Every member of objects, outer ones first; entries of lists when `lists` says so.
void collect(const JsonValue& value, Path& at, bool lists, std::vector<Path>& out) {
  for (const JsonMember& member : value.members) {
    at.push_back(member.key);
    out.push_back(at);
    at.pop_back();
  }
  for (const JsonMember& member : value.members) {
    at.push_back(member.key);
    collect(member.value, at, lists, out);
    at.pop_back();
  }
  for (size_t i = 0; lists && i < value.items.size(); ++i) {
    at.push_back(std::to_string(i));
    collect(value.items[i], at, lists, out);
    at.pop_back();
  }
}

std::optional<Scenario> load(const JsonValue& tree) {
  return load_scenario_text(json_line(tree), "scenario").scenario;
}

// Leaves out what says nothing. The entries of lists are many and alike: a key that says nothing in
// any of them goes from all at once.
JsonValue pruned(const Scenario& scenario) {
  JsonValue tree = tree_of(scenario);
  const std::optional<Scenario> meant = load(tree);
  if (!meant) return tree;
  std::vector<Path> paths;
  Path at;
  collect(tree, at, true, paths);
  for (const Path& path : paths) {
    const JsonValue* holder = holder_of(tree, path);
    if (holder == nullptr || holder->find(path.back()) == nullptr) continue;
    JsonValue candidate = without(tree, path);
    if (load(candidate) == meant) tree = std::move(candidate);
  }
  return tree;
}

// Keys that make a scenario what it is. Without the rates that the script has put out, the default
// ones would be back.
bool is_setting(const Path& path) {
  static const std::vector<Path> kNone = {{"name"},
                                          {"description"},
                                          {"seed"},
                                          {"duration"},
                                          {"topology"},
                                          {"topology", "nodes"},
                                          {"topology", "users"},
                                          {"topology", "routers"},
                                          {"topology", "devices_per_user"},
                                          {"topology", "groups"},
                                          {"workload"},
                                          {"workload", "rate_per_user"},
                                          {"workload", "reply_share"},
                                          {"workload", "messages"},
                                          {"workload", "actions"},
                                          {"faults"},
                                          {"expect"}};
  if (std::find(kNone.begin(), kNone.end(), path) != kNone.end()) return false;
  if (path.size() > 2 && (path[1] == "groups" || path[1] == "messages" || path[1] == "actions")) {
    return false;
  }
  if (path.front() == "expect") return false;
  const std::string& key = path.back();
  const bool of_a_fault = path.front() == "faults" && path.size() == 3;
  return !of_a_fault || (key != "kind" && key != "target" && key != "at" && key != "for");
}

// A scenario as it is written while it is simplified: the script apart, which is long.
struct Split {
  JsonValue settings;
  JsonValue messages, actions;
  explicit Split(const Scenario& scenario) {
    Scenario bare = scenario;
    bare.workload.messages.clear();
    bare.workload.actions.clear();
    settings = pruned(bare);
    const JsonValue whole = tree_of(scenario);
    const JsonValue* workload = whole.find("workload");
    messages = *workload->find("messages");
    if (const JsonValue* found = workload->find("actions")) actions = *found;
  }
  JsonValue joined(const JsonValue& of) const {
    JsonValue out = of;
    JsonValue* workload = out.find("workload");
    std::erase_if(workload->members, [](const JsonMember& m) { return m.key == "messages"; });
    workload->add("messages", messages);
    if (!actions.is(JsonValue::Kind::absent)) workload->add("actions", actions);
    return out;
  }
};

void simplify_script(Scenario& s, const FirstFailing& first) {
  const auto try_one = [&](auto&& change) {
    Scenario out = s;
    change(out);
    if (out == s) return;
    if (first(1, [&](size_t) { return json_line(tree_of(out)); })) s = std::move(out);
  };
  try_one([](Scenario& out) {
    for (Fault& f : out.faults) f.from_nemesis = false;
  });
  try_one([](Scenario& out) {
    for (ScriptedMessage& m : out.workload.messages) m.bytes = 0;
  });
  try_one([](Scenario& out) {
    for (ScriptedMessage& m : out.workload.messages) m.answers.reset();
  });
  for (size_t i = 0; i < s.workload.messages.size(); ++i) {
    if (s.workload.messages[i].answers) {
      try_one([i](Scenario& out) { out.workload.messages[i].answers.reset(); });
    }
  }
}

}  // namespace

std::string write_minimal(const Scenario& scenario) { return json_text(pruned(scenario)) + "\n"; }

void simplify_settings(Scenario& s, const FirstFailing& first) {
  simplify_script(s, first);
  const Split split(s);
  JsonValue tree = split.settings;
  std::vector<Path> paths;
  Path at;
  collect(tree, at, true, paths);
  std::erase_if(paths, [](const Path& path) { return !is_setting(path); });
  for (size_t next = 0; next < paths.size();) {
    const auto there = [&](const Path& path) {
      const JsonValue* holder = holder_of(tree, path);
      return holder != nullptr && holder->find(path.back()) != nullptr;
    };
    const std::optional<size_t> found = first(paths.size() - next, [&](size_t i) {
      const Path& path = paths[next + i];
      return there(path) ? json_line(split.joined(without(tree, path))) : std::string{};
    });
    if (!found) break;
    tree = without(tree, paths[next + *found]);
    next += *found + 1;
  }
  if (std::optional<Scenario> simple = load(split.joined(tree))) s = std::move(*simple);
}

}  // namespace imroute
