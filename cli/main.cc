#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/reproduce.h"

namespace {

bool colour_wanted(int descriptor) {
  const char* no_colour = std::getenv("NO_COLOR");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  const char* terminal = std::getenv("TERM");
  if (terminal == nullptr || std::string_view(terminal) == "dumb") return false;
  return ::isatty(descriptor) != 0;
}

}  // namespace

int main(int count, char** values) {
  // Writing to a pipe whose reader left must not end a run that also writes files.
  std::signal(SIGPIPE, SIG_IGN);
  imroute::install_interrupt_handler();
  imroute::install_assert_report();
  const imroute::Console console{std::cout, std::cerr, colour_wanted(STDOUT_FILENO),
                                 colour_wanted(STDERR_FILENO), ::isatty(STDERR_FILENO) != 0};
  return imroute::run_program(std::vector<std::string>(values + 1, values + count), console);
}
