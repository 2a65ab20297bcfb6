// What the two ends of a link have agreed on by HELLO (core/wire/hello.h), and which features the
// frames of each direction have. Neither side waits for the other's HELLO:
//
//   - until it has heard it, a side writes its frames without features, as every build reads them;
//   - having heard it, it says `agreed` (cluster/wire/control.h) and writes from there on what both
//     have. So whoever reads knows of each frame how it was written.
//
// A frame that would lose something without features waits for the other's HELLO, and those behind
// it with it: a LOGIN that names nodes which did not serve its client is the one there is.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/wire/hello.h"

namespace imroute::cluster {

class Accord {
 public:
  explicit Accord(const Hello& ours) : ours_(ours) {}

  const Hello& ours() const { return ours_; }
  bool heard() const { return heard_; }
  uint64_t written() const { return common_; }             // features of the frames that go out
  uint64_t read() const { return agreed_ ? common_ : 0; }  // features of those that come in

  struct Verdict {
    size_t size = 0;  // bytes of the HELLO; 0: not all there, or refused
    Reason refused = Reason::none;
    std::string text;  // why, for both sides
  };
  // The first message of the other side.
  Verdict hear(std::span<const std::byte> bytes, BlobPool& pool);
  // The other side has said `agreed`. False: it has not said HELLO, or there is nothing to agree.
  bool on_agreed();

  // Whether it must wait. True until take_waiting() once it was.
  bool must_wait(const Frame& frame, BlobPool& pool) const;
  void wait(const Frame& frame);
  size_t waiting() const { return waiting_ == nullptr ? 0 : waiting_->size(); }
  std::vector<Frame> take_waiting();

 private:
  Hello ours_;
  uint64_t common_ = 0;                          // features, once heard
  std::unique_ptr<std::vector<Frame>> waiting_;  // few links have any
  bool heard_ = false;
  bool agreed_ = false;
};

}  // namespace imroute::cluster
