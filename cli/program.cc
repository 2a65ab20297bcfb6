#include <cerrno>
#include <exception>
#include <filesystem>
#include <new>

#include "cli/commands.h"
#include "cli/files.h"

namespace imroute {
namespace {

struct Entry {
  const char* name;
  int (*command)(const Options&, const Console&);
};
constexpr Entry kCommands[] = {
    {"run", run_command},
    {"compare", compare_command},
    {"explore", explore_command},
    {"shrink", shrink_command},
    {"validate", validate_command},
    {"schema", schema_command},
    {"init", init_command},
    {"list", list_command},
    {"explain", explain_command},
    {"diff-trace", diff_trace_command},
    {"report", report_command},
    {"completions", completions_command},
#ifdef IMROUTE_CLUSTER
    {"node", node_command},
    {"router", router_command},
    {"up", up_command},
    {"chat", chat_command},
    {"send", send_command},
    {"pass", pass_command},
    {"bench", bench_command},
#endif
};

int dispatch(const Options& options, const Console& console) {
  for (const Entry& entry : kCommands) {
    if (options.command == entry.name) return entry.command(options, console);
  }
  return kExitUsage;
}

}  // namespace

int run_program(const std::vector<std::string>& arguments, const Console& console) {
  const ParsedCommandLine parsed = parse_command_line(arguments);
  int code = kExitInternal;
  try {
    if (parsed.exit_code) {
      code = *parsed.exit_code;
      (code == kExitHeld ? console.out : console.err) << parsed.text;
    } else {
      code = dispatch(parsed.options, console);
    }
    console.out.flush();
    // A reader that went away (`imroute list faults | head`) is no error of ours.
    if (!console.out && errno != EPIPE) throw EnvironmentError("cannot write to standard output");
  } catch (const UsageError& error) {
    console.err << "imroute: " << error.what() << '\n';
    code = kExitUsage;
  } catch (const EnvironmentError& error) {
    console.err << "imroute: " << error.what() << '\n';
    code = kExitEnvironment;
  } catch (const std::filesystem::filesystem_error& error) {
    console.err << "imroute: " << error.path1().string() << ": " << error.code().message() << '\n';
    code = kExitEnvironment;
  } catch (const std::bad_alloc&) {
    console.err << "imroute: not enough memory for this scenario\n";
    code = kExitEnvironment;
  } catch (const std::exception& error) {
    console.err << "imroute: internal error, this is a bug: " << error.what() << '\n';
    code = kExitInternal;
  }
  return code;
}

}  // namespace imroute
