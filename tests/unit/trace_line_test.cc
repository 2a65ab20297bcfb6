#include <gtest/gtest.h>

#include "harness/trace/trace_line.h"

namespace imroute {
namespace {

TEST(TraceLine, RecordComesBack) {
  TraceRecord record;
  record.kind = TraceKind::route_push;
  record.node = NodeId{5};
  record.user = UserId{9};
  record.conversation = ConversationId::direct(UserId{9}, UserId{3});
  record.position = {1, 12};
  record.sender = UserId{3};
  record.client_seq = 4;
  record.route = 77;
  const std::string text = write_trace_line(1'500, "node:3", record);
  EXPECT_EQ(text,
            R"({"t_ns":1500,"machine":"node:3","kind":"route_push","node":5,"user":9,)"
            R"("conversation":"3-9","epoch":1,"seq":12,"sender":3,"client_seq":4,"route":77})");
  const auto line = read_trace_line(text);
  ASSERT_TRUE(line);
  EXPECT_EQ(line->t_ns, 1'500);
  EXPECT_EQ(line->machine, "node:3");
  EXPECT_EQ(line->kind, "route_push");
  EXPECT_EQ(line->node, 5u);
  EXPECT_EQ(line->user, 9u);
  EXPECT_EQ(line->conversation, "3-9");
  EXPECT_EQ(line->position, (Position{1, 12}));
  EXPECT_EQ(line->sender, 3u);
  EXPECT_EQ(line->client_seq, 4u);
  EXPECT_EQ(line->route, 77u);
}

TEST(TraceLine, NoticesCarryTheTag) {
  Notify notice;
  notice.kind = NoticeKind::accepted;
  notice.tag = 812;
  notice.entry.conversation = ConversationId::group(2);
  notice.entry.position = {1, 7};
  notice.entry.client_seq = 3;
  const auto line = read_trace_line(write_notice_line(9, "client:4.0", notice));
  ASSERT_TRUE(line);
  EXPECT_EQ(line->kind, "accepted");
  EXPECT_EQ(line->tag, 812u);
  EXPECT_EQ(line->conversation, "group-2");
  notice.kind = NoticeKind::shown;
  EXPECT_EQ(write_notice_line(9, "client:4.0", notice), "");
}

TEST(TraceLine, RefusesWhatIsNotOne) {
  EXPECT_FALSE(read_trace_line(""));
  EXPECT_FALSE(read_trace_line("{\"t_ns\":1"));
  EXPECT_FALSE(read_trace_line("{\"t_ns\":\"x\",\"machine\":\"node:1\",\"kind\":\"y\"}"));
  EXPECT_FALSE(read_trace_line("[1]"));
}

}  // namespace
}  // namespace imroute
