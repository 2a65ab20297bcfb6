// Lines of a descriptor, as they come, on a loop.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string>
#include <utility>

#include "cluster/net/loop.h"

namespace imroute {

class LineInput {
 public:
  using OnLine = std::function<void(const std::string&)>;
  // `on_end` once, after the last line. `on_too_long` for each line that is not given, as it is
  // longer than kMostLine. The input outlives its use by the loop.
  LineInput(cluster::Loop& loop, int descriptor, OnLine on_line, std::function<void()> on_end,
            std::function<void()> on_too_long = {})
      : loop_(loop),
        descriptor_(descriptor),
        on_line_(std::move(on_line)),
        on_end_(std::move(on_end)),
        on_too_long_(std::move(on_too_long)) {
    watch();
  }

  static constexpr size_t kMostLine = 64 * 1024;

  // No line is given, and nothing read, until go_on().
  void hold() { held_ = true; }
  void go_on() {
    held_ = false;
    if (ended_ || std::exchange(active_, true)) return;
    loop_.post([this] {
      active_ = give_lines();
      if (active_) watch();
    });
  }

 private:
  void watch() {
    loop_.watch(descriptor_, [this] { return active_ = read_some(); });
  }
  bool read_some() {
    char buffer[4096];
    const ssize_t size = ::read(descriptor_, buffer, sizeof buffer);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (size <= 0) {
      if (!rest_.empty() || skipping_) give(std::exchange(rest_, {}));
      ended_ = true;
      on_end_();
      return false;
    }
    rest_.append(buffer, static_cast<size_t>(size));
    return give_lines();
  }
  // False: held.
  bool give_lines() {
    size_t start = 0;
    for (size_t end; !held_ && (end = rest_.find('\n', start)) != std::string::npos;) {
      give(rest_.substr(start, end - start));
      start = end + 1;
    }
    rest_.erase(0, start);
    if (!held_ && rest_.size() > kMostLine) {
      skipping_ = true;
      rest_.clear();
    }
    return !held_;
  }
  void give(const std::string& line) {
    if (!std::exchange(skipping_, false) && line.size() <= kMostLine) return on_line_(line);
    if (on_too_long_ != nullptr) on_too_long_();
  }

  cluster::Loop& loop_;
  int descriptor_;
  OnLine on_line_;
  std::function<void()> on_end_, on_too_long_;
  std::string rest_;
  bool skipping_ = false;  // the start of this line is dropped already
  bool active_ = true;     // it reads, or is about to
  bool held_ = false;
  bool ended_ = false;
};

}  // namespace imroute
