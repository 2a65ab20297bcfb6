#include "cli/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <memory>

#include "cli/embedded.h"
#include "config/suggest.h"
#include "config/units.h"
#include "core/base/planted.h"
#include "core/model/limits.h"
#include "settings/names.h"
#ifdef IMROUTE_CLUSTER
#include "cluster/net/link.h"
#include "cluster/process/user_book.h"
#endif

namespace imroute {
namespace {

const std::vector<std::string> kTopics = {"strategies",
                                          "balancers",
                                          "placements",
                                          "faults",
                                          "policies",
                                          "sites",
                                          "scenarios"
#ifdef IMROUTE_PLANTED
                                          ,
                                          "bugs"
#endif
};
const std::vector<std::string> kMeasures = {"routed", "paced", "round_trip", "stored", "idle"};
const std::vector<std::string> kShells = {"bash", "zsh", "fish"};

// Text as typed, before it is checked: the messages of the checks are the program's own.
struct RawOptions {
  std::string scenario, seed, seeds, jobs, until, from, budget, shard, seed_limit;
  std::string nodes, port, device, timeout, valid, wait;
  std::string messages, rate, connections;
};

struct Parser {
  CLI::App app{
      "imroute: which machine holds the user, and how a message gets there. Compares "
      "routing strategies for instant messaging in a deterministic simulation."};
  Options options;
  RawOptions raw;
  bool version = false;

  CLI::App* command(const std::string& name, const std::string& help) {
    CLI::App* sub = app.add_subcommand(name, help);
    sub->set_help_flag("-h,--help", "Show this help");
    return sub;
  }
  void list_option(CLI::App* sub, const std::string& name, std::vector<std::string>& into,
                   const std::string& help, bool comma) {
    CLI::Option* option = sub->add_option(name, into, help)->allow_extra_args(false);
    if (comma) option->delimiter(',');
  }
  // Of every command that runs scenarios; only the test build has bugs to switch on.
  void plant_option([[maybe_unused]] CLI::App* sub) {
#ifdef IMROUTE_PLANTED
    sub->add_option("--plant", options.plant, "Switch on a planted bug (list bugs)");
#endif
  }
  void json_option(CLI::App* sub) {
    sub->add_flag("--json", options.json, "Print exactly one JSON document instead of a summary");
  }
  void change_options(CLI::App* sub) {
    list_option(
        sub, "--set", options.sets,
        "Change the scenario: /json/pointer=VALUE (VALUE is JSON, else a string); repeatable",
        false);
    sub->add_option("--seed", raw.seed, "Seed; in place of the scenario's");
    sub->add_flag("--ci", options.ci, "Apply the scenario's own \"ci\" overrides (smaller)");
  }
  void shared_options(CLI::App* sub) {
    change_options(sub);
    json_option(sub);
    sub->add_option("--out", options.out, "Write result files and report.html into this directory");
    plant_option(sub);
  }

  Parser() {
    app.set_help_flag("-h,--help", "Show this help");
    app.add_flag("--version", version, "Show version and commit");
    app.require_subcommand(0, 1);

    add_run();
    add_compare();
    add_explore();
    add_shrink();
    add_scenario_commands();
    add_result_commands();
    cluster_commands();
    add_help_commands();
  }

  void add_run() {
    CLI::App* run = command("run", "Run one scenario and judge it");
    run->add_option("SCENARIO", raw.scenario, "Scenario file")->required();
    run->add_option("--world", options.world, "Where to run: sim");
    run->add_flag("--trace", options.trace, "Record every decision in trace.jsonl (needs --out)");
    run->add_option("--until", raw.until,
                    "Stop at this simulated time, like 12s, without judging the end");
    shared_options(run);
  }

  void add_compare() {
    CLI::App* compare = command("compare", "Run strategies x balancers on the same seeds");
    compare->add_option("SCENARIO", options.scenarios, "Scenario files")->required();
    list_option(compare, "--strategies", options.strategies,
                "Strategies, with commas: central:resolve:table,cached_broadcast@mesh or all",
                true);
    list_option(compare, "--balancers", options.balancers,
                "Balancers, with commas: least_active,random or all", true);
    compare->add_option("--seeds", raw.seeds, "Seeds for each combination (default 5)");
    compare->add_option("--jobs", raw.jobs, "Runs at a time (default: one a core)");
    compare->add_option("--worlds", options.world, "Where to run: sim");
    shared_options(compare);
  }

  void add_explore() {
    CLI::App* explore = command("explore", "Run many seeds and group what fails");
    explore->add_option("SCENARIO", options.scenarios, "Scenario files, or folders of them")
        ->required();
    explore->add_option("--seeds", raw.seeds, "Seeds of each scenario (default 100)");
    explore->add_option("--from", raw.from, "First seed (default 1)");
    explore->add_option("--jobs", raw.jobs, "Seeds at a time (default: one a core)");
    explore->add_option("--budget", raw.budget, "Stop after this time, like 10m");
    explore->add_option("--shard", raw.shard, "Only part i of n of the seeds, like 2/8");
    explore->add_flag("--require-coverage", options.require_coverage,
                      "Fail when something that the scenarios can draw was never hit");
    explore->add_option("--seed-limit", raw.seed_limit,
                        "A seed that runs longer than this hangs (default 2m)");
    list_option(explore, "--set", options.sets,
                "Change the scenario: /json/pointer=VALUE; repeatable", false);
    explore->add_flag("--ci", options.ci,
                      "Apply the scenarios' own \"ci\" overrides (folders: always)");
    json_option(explore);
    explore->add_option("--out", options.out,
                        "Write explore.jsonl, explore.json and junit.xml; adds to what is there");
    plant_option(explore);
  }

  void add_shrink() {
    CLI::App* shrink = command("shrink", "Make a failing scenario small, and explain it");
    shrink->add_option("SCENARIO", raw.scenario, "Scenario file")->required();
    shrink->add_option("--fingerprint", options.fingerprint,
                       "Which failure, when there are several: its property, or part of its text");
    shrink->add_option("--jobs", raw.jobs, "Runs at a time (default: one a core)");
    shrink->add_option("--budget", raw.budget, "Stop making it smaller after this time (10m)");
    shrink->add_option("--seed-limit", raw.seed_limit,
                       "A run that takes longer than this hangs (default 2m)");
    change_options(shrink);
    json_option(shrink);
    shrink->add_option("--out", options.out,
                       "File to write (default NAME-SEED.json); the explanation beside it, as .md");
    plant_option(shrink);
  }

  void add_scenario_commands() {
    CLI::App* validate = command("validate", "Check scenario files and show every mistake");
    validate->add_option("SCENARIO", options.scenarios, "Scenario files")->required();
    list_option(validate, "--set", options.sets, "Change the scenario before checking", false);

    command("schema", "Print the JSON Schema of scenario files");
    CLI::App* init = command("init", "Write a scenario to start from");
    init->add_option("FILE", options.topic, "File to write (default scenario.json)");
    CLI::App* list = command("list", "List what a scenario may use");
    list->add_option("WHAT", options.topic, join_words(kTopics))->required();
    list->add_flag("--json", options.json, "Print JSON");
  }

  void add_result_commands() {
    CLI::App* explain =
        command("explain", "Tell where a message went: hops, times, faults in force");
    explain->add_option("DIR", options.directory, "Directory of a run with --trace")->required();
    explain
        ->add_option("--message", options.message,
                     "Message: its number, or CONVERSATION:SEQUENCE like 3-9:12 or group-2:5")
        ->required();
    explain->add_flag("--json", options.json, "Print JSON");
    CLI::App* diff = command("diff-trace", "Show the first event at which two traces part");
    diff->add_option("A", options.trace_a, "Directory of a run, or its trace.jsonl")->required();
    diff->add_option("B", options.trace_b, "The other")->required();
    diff->add_flag("--json", options.json, "Print exactly one JSON document");
    CLI::App* report = command("report", "Build report.html again from the results in a directory");
    report->add_option("DIR", options.directory, "Directory with result.json or compare.json")
        ->required();
  }

  void add_help_commands() {
    CLI::App* completions = command("completions", "Print a completion script for a shell");
    completions->add_option("SHELL", options.topic, join_words(kShells))->required();
    CLI::App* help = command("help", "Show the help of a command");
    help->add_option("COMMAND", options.topic, "Command");
  }

  // The real cluster; a build without it has none of these.
  void cluster_commands() {
#ifdef IMROUTE_CLUSTER
    for (const char* name : {"node", "router"}) {
      CLI::App* server = command(name, std::string("Run one ") + name + " of a real cluster");
      server->add_option("--config", options.config, "Its configuration, JSON")->required();
    }
    CLI::App* up = command("up", "Run a whole real cluster on this machine");
    up->add_option("--nodes", raw.nodes, "IM servers (default 4)");
    up->add_option("--port", raw.port, "First port; 0: any that are free (default 7000)");
    up->add_option("--data", options.data_dir, "Directory for logs and what must outlive it");
    up->add_flag("--tls", options.tls,
                 "Encrypt everything, with an authority made for it in the data directory");
    list_option(up, "--strategy", options.strategies, "Routing strategy, like list strategies",
                false);
    const auto user_options = [this](CLI::App* sub) {
      sub->add_option("--user", options.user, "Your name")->required();
      sub->add_option("--device", raw.device, "Which of your devices this is (default 0)");
      list_option(sub, "--router", options.routers, "host:port of a router; repeatable", true);
      sub->add_option("--tls-ca", options.tls_authority,
                      "PEM file of who vouches for the servers: TLS (default: no TLS)");
      sub->add_option("--pass-file", options.pass_file,
                      "File with your pass, for routers that want one (imroute pass)");
    };
    CLI::App* pass = command("pass", "Print a pass, with which a user may log in");
    pass->add_option("--user", options.user, "Whose")->required();
    pass->add_option("--key-file", options.key_file, "Keys of the routers' auth.key_file")
        ->required();
    pass->add_option("--valid", raw.valid, "How long it is good for (default 1h)");
    CLI::App* chat = command("chat", "Chat in a real cluster, at a terminal or from a pipe");
    user_options(chat);
    CLI::App* send =
        command("send", "Send one message and wait until it is accepted, or delivered");
    user_options(send);
    CLI::Option* to = send->add_option("--to", options.to, "Whom to");
    send->add_option("--group", options.group, "Which group to, instead")->excludes(to);
    send->add_option(
        "--wait", raw.wait,
        "accepted: it is stored (default); delivered: a chat of the other has shown it");
    send->add_option("--timeout", raw.timeout, "Give up after (default 10s)");
    send->add_option("TEXT", options.message, "The message")->required();
    add_bench();
#endif
  }

  void add_bench() {
    CLI::App* bench = command("bench", "Measure what a real cluster costs on this machine");
    bench->add_option("WHAT", options.topic, "cluster: a router and two nodes")->required();
    list_option(bench, "--only", options.measures, "Of " + join_words(kMeasures), true);
    bench->add_option("--messages", raw.messages, "Routed messages measured (default 1000000)");
    bench->add_option("--rate", raw.rate, "Messages a second when paced (default 50000)");
    bench->add_option("--connections", raw.connections, "Idle sessions (default 15000)");
    bench->add_option("--redis", options.redis,
                      "host:port of a Redis that is the mailbox when messages are stored "
                      "(default: SQLite in the router)");
    list_option(bench, "--strategy", options.strategies, "Routing strategy, like list strategies",
                false);
    json_option(bench);
  }

  static std::string join_words(const std::vector<std::string>& words) {
    const std::vector<std::string_view> views(words.begin(), words.end());
    return join_or(views);
  }
};

struct BadUsage {
  std::string text;
};

[[noreturn]] void refuse(const std::string& text) { throw BadUsage{text}; }

std::string suggestion(const std::string& word, const std::vector<std::string>& known) {
  const std::vector<std::string_view> views(known.begin(), known.end());
  const std::string near = nearest(word, views);
  return near.empty() ? "" : " Did you mean " + near + "?";
}

uint64_t parse_whole(const std::string& text, const std::string& name, uint64_t least,
                     uint64_t most) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most) {
    refuse(name + " takes a whole number" +
           (most == UINT64_MAX ? " from " + std::to_string(least) + " on"
                               : " from " + std::to_string(least) + " to " + std::to_string(most)) +
           ", not \"" + text + "\".");
  }
  return value;
}

void check_word(const std::string& word, const std::vector<std::string>& allowed,
                const std::string& what) {
  if (std::find(allowed.begin(), allowed.end(), word) != allowed.end()) return;
  refuse(what + " must be " + Parser::join_words(allowed) + ", not \"" + word + "\"." +
         suggestion(word, allowed));
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(sub->get_name());
  }
  return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

#ifdef IMROUTE_PLANTED
void check_plant(const std::string& name) {
  if (name.empty() || choose_planted(name)) return;
  std::vector<std::string> known;
  for (const PlantedBug& bug : planted_bugs()) known.emplace_back(bug.name);
  refuse("There is no planted bug \"" + name + "\"." + suggestion(name, known));
}
#endif

// An empty value is a slip (`--out "$DIRECTORY"`), and is not taken for an option left out.
void check_not_empty(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_name() == "TEXT") continue;  // of a message
    for (const std::string& value : option->results()) {
      if (value.empty()) refuse(option->get_name() + " is empty.");
    }
  }
}

// How long the program may take, by the wall clock.
void check_times(Parser& parser) {
  const auto time = [](const std::string& text, const std::string& name) {
    const Parsed<int64_t> parsed = parse_duration(text);
    if (!parsed.value) refuse(name + ": " + parsed.problem);
    if (*parsed.value <= 0) refuse(name + " must be more than 0s.");
    return *parsed.value;
  };
  Options& options = parser.options;
  const RawOptions& raw = parser.raw;
  if (!raw.budget.empty()) options.budget_ns = time(raw.budget, "--budget");
  if (!raw.seed_limit.empty()) options.seed_limit_ns = time(raw.seed_limit, "--seed-limit");
}

void check_explore(Parser& parser) {
  Options& options = parser.options;
  const RawOptions& raw = parser.raw;
  if (!raw.seeds.empty()) {
    options.explore_seeds = parse_whole(raw.seeds, "--seeds", 1, 1'000'000'000);
  } else if (raw.budget.empty()) {
    options.explore_seeds = 100;
  }
  if (!raw.from.empty()) options.from = parse_whole(raw.from, "--from", 0, UINT64_MAX);
  if (options.explore_seeds && *options.explore_seeds - 1 > UINT64_MAX - options.from) {
    refuse("--seeds " + std::to_string(*options.explore_seeds) + " --from " +
           std::to_string(options.from) + " goes beyond the last seed, " +
           std::to_string(UINT64_MAX) + ".");
  }
  if (raw.shard.empty()) return;
  const size_t slash = raw.shard.find('/');
  if (slash == std::string::npos) {
    refuse("--shard takes part/parts, like 2/8, not \"" + raw.shard + "\".");
  }
  options.shards = parse_whole(raw.shard.substr(slash + 1), "The parts of --shard", 1, 100'000);
  options.shard = parse_whole(raw.shard.substr(0, slash), "The part of --shard", 1, options.shards);
}

[[maybe_unused]] void check_bench(Parser& parser) {
  Options& options = parser.options;
  const RawOptions& raw = parser.raw;
  check_word(options.topic, {"cluster"}, "What to measure");
  for (const std::string& name : options.measures) check_word(name, kMeasures, "--only");
  const auto whole = [](const std::string& text, const char* name, uint64_t most, auto& into) {
    using Number = std::remove_reference_t<decltype(into)>;
    if (!text.empty()) into = static_cast<Number>(parse_whole(text, name, 1, most));
  };
  whole(raw.messages, "--messages", 1'000'000'000, options.messages);
  whole(raw.rate, "--rate", 100'000'000, options.rate);
  whole(raw.connections, "--connections", 1'000'000, options.connections);
}

void check_cluster([[maybe_unused]] Parser& parser) {
#ifdef IMROUTE_CLUSTER
  Options& options = parser.options;
  const RawOptions& raw = parser.raw;
  const auto whole = [](const std::string& text, const char* name, uint64_t least, uint64_t most,
                        uint32_t& into) {
    if (!text.empty()) into = static_cast<uint32_t>(parse_whole(text, name, least, most));
  };
  whole(raw.nodes, "--nodes", 1, 1'000, options.nodes);
  whole(raw.port, "--port", 0, 60'000, options.port);
  whole(raw.device, "--device", 0, kMaxDevicesPerUser - 1, options.device);
  const auto duration = [](const std::string& text, const char* name, DurationNs& into) {
    if (text.empty()) return;
    const Parsed<int64_t> parsed = parse_duration(text);
    if (!parsed.value) refuse(std::string(name) + ": " + parsed.problem);
    into = *parsed.value;
  };
  duration(raw.valid, "--valid", options.valid_ns);
  duration(raw.timeout, "--timeout", options.timeout_ns);
  if (options.command == "send" && options.to.empty() && options.group.empty()) {
    refuse("Whom to? Give --to USER or --group GROUP.");
  }
  if (!raw.wait.empty() && raw.wait != "accepted" && raw.wait != "delivered") {
    refuse("--wait takes accepted or delivered, not \"" + raw.wait + "\".");
  }
  options.wait_delivered = raw.wait == "delivered";
  if (options.wait_delivered && !options.group.empty()) {
    refuse("--wait delivered goes with --to USER: members of a group send no receipts.");
  }
  for (const auto& [name, user] :
       {std::pair("--user", options.user), {"--to", options.to}, {"--group", options.group}}) {
    if (user.empty() || cluster::is_user_name(user)) continue;
    refuse(std::string(name) + " takes letters, digits and . _ - @, at most 64, not \"" + user +
           "\".");
  }
  for (const std::string& router : options.routers) {
    if (cluster::parse_host_port(router)) continue;
    refuse("--router takes host:port, like 127.0.0.1:7000, not \"" + router + "\".");
  }
  if (options.command == "bench") check_bench(parser);
  const bool own_strategy = options.command == "up" || options.command == "bench";
  if (own_strategy && !options.strategies.empty()) {
    std::string problem;
    if (!parse_strategy_name(options.strategies.front(), StrategyConfig{}, &problem)) {
      refuse("--strategy: " + problem + ".");
    }
  }
#endif
}

void check(Parser& parser) {
  Options& options = parser.options;
  const RawOptions& raw = parser.raw;
  if (!raw.scenario.empty()) options.scenarios = {raw.scenario};
  if (!raw.seed.empty()) options.seed = parse_whole(raw.seed, "--seed", 0, UINT64_MAX);
  check_times(parser);
  if (options.command == "explore") {
    check_explore(parser);
  } else if (!raw.seeds.empty()) {
    options.seeds = static_cast<uint32_t>(parse_whole(raw.seeds, "--seeds", 1, 1'000'000));
  }
  if (!raw.jobs.empty()) {
    options.jobs = static_cast<uint32_t>(parse_whole(raw.jobs, "--jobs", 1, 4096));
  }
  if (!raw.until.empty()) {
    const Parsed<int64_t> until = parse_duration(raw.until);
    if (!until.value) refuse("--until: " + until.problem);
    options.until_ns = *until.value;
  }
  if (options.world.find("cluster") != std::string::npos) {
    refuse("The cluster world is not in this version; --world may be sim.");
  }
  if (options.world != "sim") {
    refuse("--world may be sim, not \"" + options.world + "\".");
  }
  check_cluster(parser);
  if (options.trace && options.out.empty()) {
    refuse("--trace writes a file: say where with --out DIR.");
  }
  for (const std::string& set : options.sets) {
    if (set.empty() || set[0] != '/' || set.find('=') == std::string::npos) {
      refuse("--set takes /json/pointer=VALUE, like --set /topology/nodes=16, not \"" + set +
             "\".");
    }
  }
#ifdef IMROUTE_PLANTED
  check_plant(options.plant);
#endif
  if (options.command == "list") check_word(options.topic, kTopics, "What to list");
  if (options.command == "completions") check_word(options.topic, kShells, "The shell");
}

// CLI11's words, made one sentence; an unknown option gets the nearest known one.
std::string parse_problem(const CLI::ParseError& error, const CLI::App& command,
                          const std::vector<std::string>& arguments) {
  const std::vector<std::string> known = option_names(command);
  for (const std::string& argument : arguments) {
    if (!argument.starts_with("--")) continue;
    const std::string name = argument.substr(0, argument.find('='));
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return "There is no option " + name + " here." + suggestion(name, known);
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    for (const std::string& argument : arguments) {
      const bool is_short = argument.size() > 1 && argument[0] == '-' && argument[1] != '-';
      if (is_short && argument != "-h") return "There is no option " + argument + " here.";
    }
    return "Too many arguments.";
  }
  std::string text = error.what();
  if (!text.empty() && text.back() != '.') text += '.';
  return text;
}

ParsedCommandLine finished(int code, std::string text) {
  ParsedCommandLine result;
  result.exit_code = code;
  result.text = std::move(text);
  return result;
}

ParsedCommandLine mistake(const std::string& text, const std::string& command) {
  return finished(kExitUsage, "imroute: " + text + "\nTry: imroute " +
                                  (command.empty() ? "help" : "help " + command) + "\n");
}

std::string overview(Parser& parser) {
  return parser.app.help() +
         "\nStart:  imroute compare scenarios/quickstart.json --out out\n"
         "        imroute init my.json && imroute run my.json\n"
         "Exit codes: 0 held, 1 violated or vacuous, 2 bad usage or input, 3 environment, 4 "
         "internal "
         "error, 130 interrupted\n";
}

}  // namespace

ParsedCommandLine parse_command_line(const std::vector<std::string>& arguments) {
  Parser parser;
  const std::vector<std::string> commands = command_names(parser.app);
  if (arguments.empty()) return finished(kExitUsage, overview(parser));
  const std::string& first = arguments.front();
  const bool is_command = std::find(commands.begin(), commands.end(), first) != commands.end();
  if (!is_command && first[0] != '-') {
    return mistake("There is no command \"" + first + "\"." + suggestion(first, commands), "");
  }
  CLI::App& active = is_command ? *parser.app.get_subcommand(first) : parser.app;
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants it
    parser.app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    return finished(kExitHeld, is_command ? active.help() : overview(parser));
  } catch (const CLI::ParseError& error) {
    return mistake(parse_problem(error, active, arguments), is_command ? first : "");
  }
  if (parser.version) {
    return finished(kExitHeld,
                    std::string("imroute ") + build_version() + " (" + build_commit() + ")\n");
  }
  if (!is_command) return mistake("A command is missing.", "");
  parser.options.command = first;
  try {
    check_not_empty(active);
    check(parser);
  } catch (const BadUsage& bad) {
    return mistake(bad.text, first);
  }
  if (first == "help") {
    const std::string& topic = parser.options.topic;
    if (topic.empty()) return finished(kExitHeld, overview(parser));
    if (std::find(commands.begin(), commands.end(), topic) == commands.end()) {
      return mistake("There is no command \"" + topic + "\"." + suggestion(topic, commands), "");
    }
    return finished(kExitHeld, parser.app.get_subcommand(topic)->help());
  }
  ParsedCommandLine result;
  result.options = std::move(parser.options);
  return result;
}

std::vector<CommandInfo> command_table() {
  Parser parser;
  std::vector<CommandInfo> table;
  for (const std::string& name : command_names(parser.app)) {
    const CLI::App* sub = parser.app.get_subcommand(name);
    CommandInfo info{name, sub->get_description(), {}, false, false, {}};
    for (const CLI::Option* option : sub->get_options()) {
      for (const std::string& long_name : option->get_lnames()) {
        info.options.emplace_back("--" + long_name, option->get_description());
      }
      info.takes_scenario |= option->get_name() == "SCENARIO";
      info.takes_directory |= option->get_name() == "DIR" || option->get_name() == "A";
    }
    if (name == "list") info.words = kTopics;
    if (name == "completions") info.words = kShells;
    if (name == "help") info.words = command_names(parser.app);
    table.push_back(std::move(info));
  }
  return table;
}

}  // namespace imroute
