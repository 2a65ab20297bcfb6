#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "cli/files.h"

namespace imroute {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  Files() : directory_(fs::temp_directory_path() / ("imroute-files-" + std::to_string(getpid()))) {
    fs::create_directories(directory_);
  }
  ~Files() override { fs::remove_all(directory_); }
  size_t count() const {
    size_t n = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(directory_)) ++n;
    return n;
  }
  fs::path directory_;
};

TEST_F(Files, AppearsWholeOrNotAtAll) {
  {
    FileWriter writer(directory_ / "a");
    writer.line("one");
    EXPECT_FALSE(fs::exists(directory_ / "a"));
  }
  EXPECT_EQ(count(), 0u);  // given up: nothing left over
  FileWriter writer(directory_ / "a");
  writer.line("one");
  writer.append("two");
  writer.commit();
  EXPECT_EQ(read_file(directory_ / "a"), "one\ntwo");
  EXPECT_EQ(count(), 1u);
}

TEST_F(Files, ReplacesAtOnce) {
  write_file(directory_ / "a", "old");
  write_file(directory_ / "a", "new");
  EXPECT_EQ(read_file(directory_ / "a"), "new");
}

TEST_F(Files, AFailedWriteSaysWhy) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small{1000, old.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  std::string said;
  try {
    write_file(directory_ / "a", std::string(100'000, 'x'));
  } catch (const EnvironmentError& error) {
    said = error.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_EQ(said, "cannot write all of " + (directory_ / "a").string() + ": File too large");
  EXPECT_EQ(count(), 0u);
}

TEST_F(Files, RefusalsSayWhichSideIsAtFault) {
  EXPECT_THROW(read_file(directory_ / "none"), UsageError);
  EXPECT_THROW(read_file(directory_), UsageError);
  EXPECT_THROW(write_file(directory_ / "no" / "such", "x"), EnvironmentError);
  write_file(directory_ / "file", "x");
  EXPECT_THROW(prepare_directory(directory_ / "file"), EnvironmentError);
  EXPECT_THROW(prepare_directory(directory_ / "file" / "below"), EnvironmentError);
  prepare_directory(directory_ / "x" / "y");
  EXPECT_TRUE(fs::is_directory(directory_ / "x" / "y"));
}

}  // namespace
}  // namespace imroute
