// Lines of pipes and of files, in order and whole; none while they are held.
#include "cli/cluster/line_input.h"

#include <fcntl.h>
#include <gmock/gmock.h>

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "tests/cluster/loop_rig.h"

namespace imroute::cluster {
namespace {

class Lines : public LoopRig {
 protected:
  ~Lines() override { ::close(descriptor_); }
  void read(int descriptor) {
    ::close(std::exchange(descriptor_, descriptor));
    input_.emplace(
        loop_, descriptor,
        [this](const std::string& line) {
          lines_.push_back(line);
          if (lines_.size() == hold_at_) input_->hold();
        },
        [this] { ended_ = true; }, [this] { ++too_long_; });
  }
  // As a pipe gives it, to whom something else may still be written.
  static int pipe_with(const std::string& text) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    EXPECT_EQ(::write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::close(ends[1]);
    return ends[0];
  }
  static int file_with(const std::string& text) {
    std::FILE* file = std::tmpfile();
    std::fputs(text.c_str(), file);
    std::fflush(file);
    std::rewind(file);
    const int descriptor = ::dup(::fileno(file));
    std::fclose(file);
    return descriptor;
  }

  int descriptor_ = -1;
  std::optional<LineInput> input_;
  std::vector<std::string> lines_;
  size_t hold_at_ = 0;
  int too_long_ = 0;
  bool ended_ = false;
};

TEST_F(Lines, OfAFileAreRead) {
  read(file_with("one\ntwo\nthree"));
  run_until([&] { return ended_; });
  EXPECT_THAT(lines_, testing::ElementsAre("one", "two", "three"));
}

TEST_F(Lines, OfNothingEnd) {
  read(::open("/dev/null", O_RDONLY));
  run_until([&] { return ended_; });
  EXPECT_TRUE(lines_.empty());
}

TEST_F(Lines, AreNotGivenWhileHeld) {
  for (const bool file : {false, true}) {
    lines_.clear();
    ended_ = false;
    hold_at_ = 2;
    const std::string text = "1\n2\n3\n4\n";
    read(file ? file_with(text) : pipe_with(text));
    run_until([&] { return lines_.size() == 2; });
    int turns = 0;
    run_until([&] { return ++turns == 10; });
    EXPECT_EQ(lines_.size(), 2u);
    EXPECT_FALSE(ended_);
    input_->go_on();
    run_until([&] { return ended_; });
    EXPECT_THAT(lines_, testing::ElementsAre("1", "2", "3", "4"));
  }
}

TEST_F(Lines, ThatAreTooLongAreDroppedWhole) {
  const std::string most(LineInput::kMostLine, 'x');
  read(file_with("before\n" + most + "\n" + most + "x\nbetween\n" + most + most + most));
  run_until([&] { return ended_; });
  EXPECT_THAT(lines_, testing::ElementsAre("before", most, "between"));
  EXPECT_EQ(too_long_, 2);
}

}  // namespace
}  // namespace imroute::cluster
