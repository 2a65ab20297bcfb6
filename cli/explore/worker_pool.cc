#include "cli/explore/worker_pool.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>
#include <stdexcept>

#include "cli/console.h"
#include "cli/files.h"
#include "cli/options.h"
#include "core/base/assert.h"

namespace imroute {
namespace {

int64_t wall_ns() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

bool write_all(int to, const std::string& text) {
  size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t n = ::write(to, text.data() + sent, text.size() - sent);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    sent += static_cast<size_t>(n);
  }
  return true;
}

// In a worker: where its answers go.
int g_answers = -1;
constexpr char kAnswer = '=', kFailure = '!', kNoMemory = '0';

// The source tree stands elsewhere on another machine: folder and file are enough.
std::string short_path(const std::string& path) {
  const size_t file = path.rfind('/');
  const size_t folder = file == std::string::npos || file == 0 ? file : path.rfind('/', file - 1);
  return folder == std::string::npos ? path : path.substr(folder + 1);
}

void tell_assertion(const char* condition, const char* file, int line) {
  write_all(g_answers, std::string(1, kFailure) + "(" + condition + ") failed at " +
                           short_path(file) + ":" + std::to_string(line) + "\n");
  ::_exit(kExitInternal);
}

std::string end_text(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return std::string("ended by signal ") + ::strsignal(signal);
  }
  return "ended with exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

const char* to_string(WorkerOutcome::Kind kind) {
  static constexpr const char* kWords[] = {"", "assertion", "crash", "hang"};
  return kWords[static_cast<size_t>(kind)];
}

WorkerPool::WorkerPool(unsigned workers, std::function<std::string(const std::string&)> work,
                       DurationNs limit_ns)
    : work_(std::move(work)), limit_ns_(limit_ns), workers_(workers) {
  // A worker that died while a job was on its way to it is seen by its pipe, not by a signal.
  std::signal(SIGPIPE, SIG_IGN);
}

WorkerPool::~WorkerPool() {
  for (Worker& worker : workers_) end(worker, true);
}

std::vector<pid_t> WorkerPool::workers() const {
  std::vector<pid_t> pids;
  for (const Worker& worker : workers_) {
    if (worker.pid > 0) pids.push_back(worker.pid);
  }
  return pids;
}

void WorkerPool::start(Worker& worker) {
  int jobs[2], answers[2];
  if (::pipe(jobs) != 0) throw EnvironmentError("cannot make a pipe: too many open files?");
  if (::pipe(answers) != 0) {
    ::close(jobs[0]), ::close(jobs[1]);
    throw EnvironmentError("cannot make a pipe: too many open files?");
  }
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) {
    for (const int fd : {jobs[0], jobs[1], answers[0], answers[1]}) ::close(fd);
    throw EnvironmentError("cannot start a worker process: " + std::string(::strerror(errno)));
  }
  if (pid == 0) {
    // Ctrl-C reaches the whole group; the parent decides what becomes of a worker.
    std::signal(SIGINT, SIG_IGN);
    std::signal(SIGTERM, SIG_DFL);
    ::close(jobs[1]), ::close(answers[0]);
    // What belongs to the others must not stay open here, or they never see it close.
    for (const Worker& other : workers_) {
      if (other.to >= 0) ::close(other.to);
      if (other.from >= 0) ::close(other.from);
    }
    serve(jobs[0], answers[1]);
  }
  ::close(jobs[0]), ::close(answers[1]);
  worker = {pid, jobs[1], answers[0], kIdle, 0, {}};
}

void WorkerPool::serve(int from, int to) {
  g_answers = to;
  set_assert_hook(tell_assertion);
  std::string heard;
  char buffer[4096];
  while (true) {
    const ssize_t n = ::read(from, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) ::_exit(0);
    heard.append(buffer, static_cast<size_t>(n));
    for (size_t end = heard.find('\n'); end != std::string::npos; end = heard.find('\n')) {
      std::string answer;
      try {
        answer = kAnswer + work_(heard.substr(0, end));
      } catch (const std::bad_alloc&) {
        answer = kNoMemory;
      } catch (const std::exception& error) {
        answer = std::string(1, kFailure) + "exception: " + error.what();
      }
      heard.erase(0, end + 1);
      if (!write_all(to, answer + "\n")) ::_exit(0);
    }
  }
}

void WorkerPool::end(Worker& worker, bool kill_it) {
  if (worker.pid <= 0) return;
  if (kill_it) ::kill(worker.pid, SIGKILL);
  ::close(worker.to), ::close(worker.from);
  while (::waitpid(worker.pid, nullptr, 0) < 0 && errno == EINTR) {}
  worker = {};
}

WorkerOutcome WorkerPool::buried(Worker& worker) {
  int status = 0;
  while (::waitpid(worker.pid, &status, 0) < 0 && errno == EINTR) {}
  ::close(worker.to), ::close(worker.from);
  WorkerOutcome outcome{WorkerOutcome::Kind::crashed, end_text(status)};
  worker = {};
  return outcome;
}

bool WorkerPool::give(Worker& worker, size_t job, const std::string& line) {
  worker.job = job;
  worker.since_ns = wall_ns();
  return write_all(worker.to, line + "\n");
}

void WorkerPool::hear(Worker& worker, const std::function<void(size_t, WorkerOutcome)>& done) {
  char buffer[65536];
  const ssize_t n = ::read(worker.from, buffer, sizeof buffer);
  if (n < 0 && errno == EINTR) return;
  const size_t job = worker.job;
  if (n <= 0) {
    WorkerOutcome outcome = buried(worker);
    if (job != kIdle) done(job, std::move(outcome));
    return;
  }
  worker.heard.append(buffer, static_cast<size_t>(n));
  const size_t line = worker.heard.find('\n');
  if (line == std::string::npos) return;
  if (worker.heard[0] == kNoMemory) {
    throw EnvironmentError("not enough memory for this scenario; fewer --jobs at a time need less");
  }
  const bool answered = worker.heard[0] == kAnswer;
  WorkerOutcome outcome{answered ? WorkerOutcome::Kind::done : WorkerOutcome::Kind::failed,
                        worker.heard.substr(1, line - 1)};
  worker.heard.erase(0, line + 1);
  worker.job = kIdle;
  if (!answered) end(worker, true);  // after a broken invariant nothing in it can be trusted
  done(job, std::move(outcome));
}

bool WorkerPool::run(const std::vector<std::string>& jobs,
                     const std::function<void(size_t, WorkerOutcome)>& done,
                     const std::function<bool()>& stop, const std::vector<unsigned>& limits) {
  size_t next = 0, ended = 0;
  const auto count = [&](size_t job, WorkerOutcome outcome) {
    ++ended;
    done(job, std::move(outcome));
  };
  while (ended < jobs.size()) {
    if (stop()) {
      for (Worker& worker : workers_) {
        if (worker.job != kIdle) end(worker, true);
      }
      return false;
    }
    std::vector<pollfd> watched;
    std::vector<Worker*> who;
    for (Worker& worker : workers_) {
      if (worker.job == kIdle && next < jobs.size()) {
        if (worker.pid <= 0) start(worker);
        // One that died while idle is not the job's fault: the next turn starts another.
        if (give(worker, next, jobs[next])) {
          ++next;
        } else {
          end(worker, true);
        }
      }
      if (worker.pid <= 0) continue;
      watched.push_back({worker.from, POLLIN, 0});
      who.push_back(&worker);
    }
    if (::poll(watched.data(), watched.size(), 100) > 0) {
      for (size_t i = 0; i < watched.size(); ++i) {
        if (watched[i].revents != 0) hear(*who[i], count);
      }
    }
    for (Worker& worker : workers_) {
      if (worker.job == kIdle) continue;
      const size_t job = worker.job;
      const int64_t times = limits.empty() ? 1 : limits[job];
      if (wall_ns() - worker.since_ns < times * limit_ns_) continue;
      end(worker, true);
      count(job,
            {WorkerOutcome::Kind::hung, "no end after " + human_ns(limit_ns_) + " of wall time"});
    }
  }
  return true;
}

}  // namespace imroute
