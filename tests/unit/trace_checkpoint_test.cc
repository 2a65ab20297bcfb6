#include <gtest/gtest.h>

#include "harness/trace/checkpoint.h"

namespace imroute {
namespace {

Checkpoint at(uint64_t events, uint64_t hash) { return {events, int64_t(events) * 10, hash}; }

std::vector<Checkpoint> list_of(uint64_t events) {
  CheckpointLog log;
  for (uint64_t n = 1; n <= events; ++n) {
    if (log.due(n)) log.add(at(n, n * 7));
  }
  return log.finish(at(events, events * 7));
}

TEST(CheckpointLog, StaysShortAndEvenlySpacedWhateverTheLength) {
  for (const uint64_t events : {0ull, 1ull, 63ull, 64ull, 65'536ull, 65'537ull, 3'000'000ull}) {
    const std::vector<Checkpoint> list = list_of(events);
    ASSERT_LE(list.size(), CheckpointLog::kMost + 1) << events;
    EXPECT_EQ(list.back(), at(events, events * 7));
    if (events >= 2 * CheckpointLog::kNearest * CheckpointLog::kMost) {
      EXPECT_GE(list.size(), CheckpointLog::kMost / 2);
    }
    for (size_t i = 0; i + 1 < list.size(); ++i) {
      EXPECT_EQ(list[i].events, list[0].events * (i + 1)) << events;
      EXPECT_LT(list[i].events, list[i + 1].events);
      EXPECT_LE(list[i + 1].events - list[i].events, list[0].events);  // up to the end
    }
  }
}

TEST(CheckpointLog, TwoLengthsHaveTheCoarserGridInCommon) {
  const std::vector<Checkpoint> near = list_of(70'000), far = list_of(3'000'000);
  const CheckpointParting parting = part_checkpoints(near, far, true);
  EXPECT_FALSE(parting.same);
  ASSERT_GE(parting.equal_a, 0);
  EXPECT_EQ(near[size_t(parting.equal_a)], far[size_t(parting.equal_b)]);
  EXPECT_GT(near[size_t(parting.equal_a)].events, 64'000u);
  EXPECT_EQ(parting.after_a, near.size() - 1);
}

TEST(Checkpoints, PartAtTheFirstThatDiffers) {
  const std::vector<Checkpoint> a = {at(64, 1), at(128, 2), at(192, 3), at(200, 4)};
  EXPECT_TRUE(part_checkpoints(a, a, true).same);
  std::vector<Checkpoint> b = a;
  b[2].hash = 99;
  CheckpointParting parting = part_checkpoints(a, b, false);
  EXPECT_FALSE(parting.same);
  EXPECT_EQ(parting.equal_a, 1);
  EXPECT_EQ(parting.after_a, 2u);
  EXPECT_EQ(parting.after_b, 2u);

  b = a;
  b[0].hash = 99;
  EXPECT_EQ(part_checkpoints(a, b, false).equal_a, -1);

  b = a;  // other lines about the same events
  b[1].lines_hash = 5;
  EXPECT_TRUE(part_checkpoints(a, b, false).same);
  EXPECT_EQ(part_checkpoints(a, b, true).equal_a, 0);

  b = {at(64, 1), at(128, 2), at(150, 8)};  // ends between two of the other
  parting = part_checkpoints(a, b, false);
  EXPECT_FALSE(parting.same);
  EXPECT_EQ(parting.equal_b, 1);
  EXPECT_EQ(b[parting.after_b].events, 150u);
}

TEST(Checkpoints, TextComesBack) {
  std::vector<Checkpoint> list = {at(64, 1), at(128, UINT64_MAX), at(130, 3)};
  EXPECT_EQ(read_checkpoints(write_checkpoints(list)).list, list);
  WrittenTrace written;
  written.add("{}");
  written.add("{\"a\":1}");
  EXPECT_EQ(written.bytes, 11u);
  list[2].lines = written.lines;
  list[2].bytes = written.bytes;
  list[2].lines_hash = written.hash;
  const ReadCheckpoints read = read_checkpoints(write_checkpoints(list));
  EXPECT_EQ(read.problem, "");
  EXPECT_EQ(read.list, list);
}

TEST(Checkpoints, TextThatIsCutOrWrongIsRefusedWithItsLine) {
  const std::string text = write_checkpoints({at(64, 1), at(128, 2), at(130, 3)});
  const size_t second = text.find('\n') + 1;
  const size_t third = text.find('\n', second) + 1;
  EXPECT_EQ(read_checkpoints(text.substr(0, third)).problem,
            "the line that ends the run is missing");
  ReadCheckpoints read = read_checkpoints(text.substr(0, third - 4));
  EXPECT_EQ(read.line, 2u);
  EXPECT_EQ(read.problem, "the file ends within this line");
  read = read_checkpoints(text.substr(second, third - second) + text);
  EXPECT_EQ(read.line, 2u);
  EXPECT_NE(read.problem.find("do not come after"), std::string::npos);
  EXPECT_EQ(read_checkpoints(text + text).line, 4u);
  EXPECT_EQ(read_checkpoints("{\"events\":1}\n").problem, "not a checkpoint");
  EXPECT_EQ(read_checkpoints("no\n").line, 1u);
  EXPECT_NE(read_checkpoints("").problem, "");
}

}  // namespace
}  // namespace imroute
