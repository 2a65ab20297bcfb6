#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

#include "cli/parallel.h"

namespace imroute {
namespace {

const auto kNoProgress = [](size_t) {};
const auto kNever_ = [] { return false; };

TEST(RunParallel, EveryJobOnceWhateverTheThreads) {
  for (const unsigned threads : {0u, 1u, 3u, 16u}) {
    std::vector<int> calls(50, 0);
    EXPECT_TRUE(run_parallel(50, threads, [&](size_t i) { ++calls[i]; }, kNoProgress, kNever_));
    EXPECT_EQ(calls, std::vector<int>(50, 1)) << threads;
  }
  EXPECT_TRUE(run_parallel(0, 4, [](size_t) {}, kNoProgress, kNever_));
}

TEST(RunParallel, StopsWhenCancelled) {
  std::atomic<bool> cancel{false};
  std::atomic<size_t> done{0};
  EXPECT_FALSE(run_parallel(
                   1'000'000, 2,
                   [&](size_t) {
                     if (++done > 3) cancel = true;
                   },
                   kNoProgress, [&] { return cancel.load(); }) &&
               !cancel);
}

TEST(RunParallel, ThrowsWhatAJobThrew) {
  EXPECT_THROW(run_parallel(
                   8, 2,
                   [](size_t i) {
                     if (i == 3) throw std::runtime_error("x");
                   },
                   kNoProgress, kNever_),
               std::runtime_error);
}

}  // namespace
}  // namespace imroute
