#include "cli/cluster/child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "cli/files.h"

namespace imroute {

namespace {

// In the new process: only calls that are safe between fork and exec.
[[noreturn]] void become(char* const* arguments, int output, int log, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // the parent was faster
  ::setpgid(0, 0);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);
  ::execv("/proc/self/exe", arguments);
  ::_exit(127);
}

}  // namespace

Child::Child(cluster::Loop& loop, std::string name, const std::vector<std::string>& arguments,
             std::string log_file, Events events)
    : name_(std::move(name)), log_file_(std::move(log_file)), events_(std::move(events)) {
  const int log =
      ::open(log_file_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) throw EnvironmentError("cannot write " + log_file_ + ": " + std::strerror(errno));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw EnvironmentError(std::string("cannot make a pipe: ") + std::strerror(errno));
  }
  std::vector<std::string> words{"imroute"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw EnvironmentError(std::string("cannot fork: ") + std::strerror(errno));
  if (pid_ == 0) become(pointers.data(), ends[1], log, parent);
  ::close(ends[1]);
  ::close(log);
  output_ = ends[0];
  lines_ = std::make_unique<LineInput>(
      loop, output_,
      [this](const std::string& line) {
        if (ready_ || !line.starts_with("ready ")) return;
        ready_ = true;
        events_.on_ready(*this, line);
      },
      [this] { on_output_end(); });
}

Child::~Child() {
  if (!ended_ && pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (output_ >= 0) ::close(output_);
}

void Child::signal(int number) const {
  if (!ended_) ::kill(pid_, number);
}

// It starts nothing itself, so the end of its output is its own.
void Child::on_output_end() {
  int status = 0;
  ::waitpid(pid_, &status, 0);
  ended_ = true;
  if (WIFEXITED(status)) exit_code_ = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) killed_by_ = WTERMSIG(status);
  events_.on_end(*this);
}

std::string Child::end_text() const {
  return killed_by_ != 0 ? "was killed by signal " + std::to_string(killed_by_)
                         : "ended with exit code " + std::to_string(exit_code_);
}

}  // namespace imroute
