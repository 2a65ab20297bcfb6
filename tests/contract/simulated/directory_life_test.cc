// A directory in memory that begins anew knows nothing of the one before, and yet hands out no
// generation twice.
#include <gtest/gtest.h>

#include "store/directory.h"

namespace imroute {
namespace {

TEST(DirectoryLife, TheNextLifeBeginsAboveAllGenerationsOfTheOneBefore) {
  DirectoryOp op;
  op.kind = DirectoryOpKind::reserve;
  op.user = UserId{7};
  Directory first(0, 1), second(0, 2);
  EXPECT_EQ(first.handle(op, 0).reply.generation, 1u);
  uint64_t last = 0;
  for (int i = 0; i < 1000; ++i) last = first.handle(op, 0).reply.generation;
  EXPECT_GT(second.handle(op, 0).reply.generation, last);
  EXPECT_EQ(second.handle(op, 0).reply.generation, (1u << 16) + 2);
}

TEST(DirectoryLife, AFailoverGivesOutNoGenerationAgain) {
  DirectoryOp op;
  op.kind = DirectoryOpKind::reserve;
  op.user = UserId{7};
  Directory directory(10 * kSecond);
  EXPECT_EQ(directory.handle(op, kSecond).reply.generation, 1u);
  EXPECT_EQ(directory.handle(op, 2 * kSecond).reply.generation, 2u);
  EXPECT_EQ(directory.failover(3 * kSecond, 3 * kSecond), 2u);
  EXPECT_EQ(directory.handle(op, 4 * kSecond).reply.generation, 3u);
}

}  // namespace
}  // namespace imroute
