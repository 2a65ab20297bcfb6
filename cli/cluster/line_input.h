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
  // `on_end` once, after the last line. The input outlives its use by the loop.
  LineInput(cluster::Loop& loop, int descriptor, OnLine on_line, std::function<void()> on_end)
      : descriptor_(descriptor), on_line_(std::move(on_line)), on_end_(std::move(on_end)) {
    loop.watch(descriptor, [this] { return read_some(); });
  }

 private:
  static constexpr size_t kMostLine = 64 * 1024;
  bool read_some() {
    char buffer[4096];
    const ssize_t size = ::read(descriptor_, buffer, sizeof buffer);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (size <= 0) {
      if (!rest_.empty()) on_line_(std::exchange(rest_, {}));
      on_end_();
      return false;
    }
    rest_.append(buffer, static_cast<size_t>(size));
    size_t start = 0;
    for (size_t end; (end = rest_.find('\n', start)) != std::string::npos; start = end + 1) {
      on_line_(rest_.substr(start, end - start));
    }
    rest_.erase(0, start);
    if (rest_.size() > kMostLine) on_line_(std::exchange(rest_, {}));
    return true;
  }
  int descriptor_;
  OnLine on_line_;
  std::function<void()> on_end_;
  std::string rest_;
};

}  // namespace imroute
