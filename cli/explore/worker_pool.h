// Runs jobs in forked processes, so that whatever a job does to itself (an assertion, a crash, a
// loop without end) ends that job alone: it is reported with what was seen of its end, and a new
// process takes its place. Jobs and answers are lines over pipes. Threads would be cheaper and
// would all die together.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "core/base/time.h"

namespace imroute {

struct WorkerOutcome {
  // failed: an assertion or exception, told in `text`; crashed: ended without a word, `text` says
  // how; hung: killed after the limit.
  enum class Kind : uint8_t { done, failed, crashed, hung } kind = Kind::done;
  std::string text;  // done: the answer
};

// As a property that was violated: "assertion", "crash", "hang"; done has none.
const char* to_string(WorkerOutcome::Kind kind);

class WorkerPool {
 public:
  // `work` runs in a worker: a line in, a line out. `limit_ns` of wall time for one job.
  WorkerPool(unsigned workers, std::function<std::string(const std::string&)> work,
             DurationNs limit_ns);
  // Ends all workers at once, whatever they do.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // All jobs, in any order; `done` is called here, once for each that ended. `stop` is asked about
  // ten times a second: true ends the workers; jobs under way are forgotten. False when stopped.
  // `limits` says how many times the limit each job may take; without it, once.
  // Throws EnvironmentError when no process can be made, or one has not enough memory.
  bool run(const std::vector<std::string>& jobs,
           const std::function<void(size_t job, WorkerOutcome outcome)>& done,
           const std::function<bool()>& stop, const std::vector<unsigned>& limits = {});

  std::vector<pid_t> workers() const;

 private:
  static constexpr size_t kIdle = ~size_t{0};
  struct Worker {
    pid_t pid = -1;
    int to = -1, from = -1;
    size_t job = kIdle;
    int64_t since_ns = 0;
    std::string heard;
  };
  void start(Worker& worker);
  void end(Worker& worker, bool kill_it);
  bool give(Worker& worker, size_t job, const std::string& line);
  // What a worker that closed its pipe died of.
  WorkerOutcome buried(Worker& worker);
  void hear(Worker& worker, const std::function<void(size_t, WorkerOutcome)>& done);
  [[noreturn]] void serve(int from, int to);

  std::function<std::string(const std::string&)> work_;
  DurationNs limit_ns_;
  std::vector<Worker> workers_;
};

}  // namespace imroute
