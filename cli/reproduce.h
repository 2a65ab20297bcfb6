// The one line that repeats a run: printed with each violation, and by the assertion hook for the
// run that its thread is in.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace imroute {

// `text` as one word of a POSIX shell.
std::string shell_word(const std::string& text);

// "imroute run"; of the test build "imroute_planted run --plant NAME".
std::string program_call(const std::string& command);

// "imroute run quickstart.json --seed 7 --set '/a/b=1'"
std::string reproducing_line(const std::string& scenario_file, uint64_t seed,
                             const std::vector<std::string>& sets, bool ci = false,
                             const std::string& command = "run");

// While it lives, a failed assertion of this thread names this run.
class CurrentRun {
 public:
  explicit CurrentRun(std::string line);
  ~CurrentRun();
  CurrentRun(const CurrentRun&) = delete;
  CurrentRun& operator=(const CurrentRun&) = delete;

 private:
  std::string line_;
};

// A failed assertion prints where and how to repeat it, and ends the process with exit code 4.
void install_assert_report();

}  // namespace imroute
