// A process of this program that this process started: it prints "ready ..." when it serves, is
// killed when this process ends, and does not hear the terminal's Ctrl-C (its parent decides).
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "cli/cluster/line_input.h"

namespace imroute {

class Child {
 public:
  struct Events {
    std::function<void(Child&, const std::string& line)> on_ready;  // its line, once
    std::function<void(Child&)> on_end;
  };
  // Starts `imroute ARGUMENTS...`, standard error to `log_file`. Throws EnvironmentError.
  Child(cluster::Loop& loop, std::string name, const std::vector<std::string>& arguments,
        std::string log_file, Events events);
  ~Child();

  void signal(int number) const;
  const std::string& name() const { return name_; }
  const std::string& log_file() const { return log_file_; }
  pid_t pid() const { return pid_; }
  bool ready() const { return ready_; }
  bool ended() const { return ended_; }
  int exit_code() const { return exit_code_; }  // when it ended by itself, else -1
  // "ended with exit code 3", "was killed by signal 9"
  std::string end_text() const;

 private:
  void on_output_end();

  std::string name_, log_file_;
  Events events_;
  pid_t pid_ = 0;
  int output_ = -1;
  bool ready_ = false;
  bool ended_ = false;
  int exit_code_ = -1;
  int killed_by_ = 0;
  std::unique_ptr<LineInput> lines_;
};

}  // namespace imroute
