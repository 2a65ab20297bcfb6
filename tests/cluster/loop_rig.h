// Runs a loop until something has happened. Nothing waits for a fixed time: a test whose condition
// never comes ends at a limit that only a broken program reaches.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "cluster/net/link.h"
#include "cluster/net/loop.h"

namespace imroute::cluster {

class LoopRig : public testing::Test {
 protected:
  // Looks after every millisecond at the latest.
  void run_until(const std::function<bool()>& condition) {
    const MonoTime limit = monotonic_now() + 60 * kSecond;
    bool held = false;
    std::function<void()> look;
    Timer timer(loop_, [&] { look(); });
    look = [&] {
      held = condition();
      if (held || monotonic_now() > limit) return loop_.stop();
      timer.set(monotonic_now() + kMillisecond);
    };
    timer.set(monotonic_now());
    loop_.run();
    ASSERT_TRUE(held) << "the condition never came";
  }
  HostPort here(const Listener& listener) const { return {"127.0.0.1", listener.port()}; }

  Loop loop_;
};

}  // namespace imroute::cluster
