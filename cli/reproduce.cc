#include "cli/reproduce.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>

#include "cli/options.h"
#include "core/base/assert.h"
#include "core/base/planted.h"

namespace imroute {
namespace {

thread_local const char* t_current_run = nullptr;

void report_assertion(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "\nimroute: internal error, this is a bug: assertion (%s) failed at %s:%d\n",
               condition, file, line);
  if (t_current_run != nullptr) std::fprintf(stderr, "reproduce: %s\n", t_current_run);
  std::fflush(stderr);
  ::_exit(kExitInternal);
}

}  // namespace

std::string shell_word(const std::string& text) {
  auto harmless = [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("/._-=:@,+%").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), harmless)) return text;
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string program_call(const std::string& command) {
#ifdef IMROUTE_PLANTED
  std::string call = "imroute_planted " + command;
  if (chosen_planted != Planted::none) {
    call += " --plant ";
    call += planted_bugs()[static_cast<size_t>(chosen_planted)].name;
  }
  return call;
#else
  return "imroute " + command;
#endif
}

std::string reproducing_line(const std::string& scenario_file, uint64_t seed,
                             const std::vector<std::string>& sets, bool ci,
                             const std::string& command) {
  std::string line = program_call(command) + " ";
  line += shell_word(scenario_file) + " --seed " + std::to_string(seed);
  if (ci) line += " --ci";
  for (const std::string& set : sets) line += " --set " + shell_word(set);
  return line;
}

CurrentRun::CurrentRun(std::string line) : line_(std::move(line)) { t_current_run = line_.c_str(); }
CurrentRun::~CurrentRun() { t_current_run = nullptr; }

void install_assert_report() { set_assert_hook(report_assertion); }

}  // namespace imroute
