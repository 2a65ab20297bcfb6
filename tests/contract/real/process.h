// A server that a test starts: it dies with the test, whatever becomes of that, and is stopped by
// its process id.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace imroute::contract {

class Process {
 public:
  Process() = default;
  // `package`: what to install when the program is not there. Output goes to the file `log`.
  Process(const std::vector<std::string>& words, const std::string& package,
          const std::string& log);
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process() { kill(); }

  void kill();  // SIGKILL, and waits until it is gone
  bool runs() const;

 private:
  pid_t pid_ = 0;
};

// Throws, naming the package, when the program is not in the PATH.
void require_program(const std::string& program, const std::string& package);

}  // namespace imroute::contract
