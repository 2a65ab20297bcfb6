#include "cli/parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace imroute {

bool run_parallel(size_t count, unsigned threads, const std::function<void(size_t)>& job,
                  const std::function<void(size_t)>& progress,
                  const std::function<bool()>& cancelled) {
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  threads = static_cast<unsigned>(std::min<size_t>(threads, std::max<size_t>(count, 1)));

  std::atomic<size_t> next{0}, finished{0};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::condition_variable wake;
  unsigned running = threads;
  std::exception_ptr failure;

  auto work = [&] {
    while (!stop.load()) {
      const size_t i = next.fetch_add(1);
      if (i >= count) break;
      try {
        job(i);
      } catch (...) {
        std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        stop = true;
      }
      finished.fetch_add(1);
    }
    std::lock_guard lock(mutex);
    --running;
    wake.notify_one();
  };

  std::vector<std::thread> pool;
  for (unsigned i = 0; i < threads; ++i) pool.emplace_back(work);
  {
    std::unique_lock lock(mutex);
    while (running > 0) {
      wake.wait_for(lock, std::chrono::milliseconds(100), [&] { return running == 0; });
      if (cancelled()) stop = true;
      progress(finished.load());
    }
  }
  for (std::thread& thread : pool) thread.join();
  if (failure) std::rethrow_exception(failure);
  return finished.load() == count && !cancelled();
}

}  // namespace imroute
