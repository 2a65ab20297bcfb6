// Oracle 3 where the store lost its tail: an answer may then stand in the log before its question,
// through nobody's fault. It still sees an answer that is shown, or stored, before its question
// without that.
#include "tests/unit/history_fixture.h"

namespace imroute {
namespace {

const DeviceKey kAnn = Story::device(0), kBob = Story::device(1), kCem = Story::device(2);
const ConversationId kGroup = ConversationId::group(7);

class HistoryReply : public ::testing::Test {
 protected:
  HistoryReply() : story_(scenario()) {
    story_.create_group(7, {0, 1, 2});
    story_.everybody_online();
  }
  static Scenario scenario() {
    Scenario s = Story::scenario();
    s.mailbox.durability = Durability::async;
    return s;
  }
  // Bob has shown Ann's question when the store loses it; Ann was not told of its acceptance.
  Entry lost_question() {
    Entry question = story_.send(1, kAnn, kGroup);
    story_.store(question);
    story_.show(question, kBob);
    story_.history.discarded(story_.t, question);
    --story_.heads[kGroup];
    ++story_.epoch;
    return question;
  }
  void show_to_the_others(const Entry& answer) {
    story_.show(answer, kAnn);
    story_.show(answer, kCem);
  }
  Story story_;
};

// (swarm 1000213 with /mailbox/durability=async)
TEST_F(HistoryReply, StoredAgainAfterItsAnswerIsNobodysFault) {
  Entry question = lost_question();
  const Entry answer = story_.post(2, kBob, kGroup, 1);
  story_.store(question);
  story_.accept(question);
  show_to_the_others(answer);
  story_.show(question, kCem);
  EXPECT_GREEN(story_.finish());
}

TEST_F(HistoryReply, StoredAgainBeforeItsAnswerIsShownBeforeIt) {
  Entry question = lost_question();
  story_.store(question);
  story_.accept(question);
  const Entry answer = story_.post(2, kBob, kGroup, 1);
  show_to_the_others(answer);
  story_.show(question, kCem);
  EXPECT_RED(story_.finish(), "order reply-order");
}

TEST_F(HistoryReply, NotStoredBeforeItsQuestionWhichWasNeverLost) {
  Entry question = story_.send(1, kAnn, kGroup);
  const Entry answer = story_.post(2, kBob, kGroup, 1);
  story_.store(question);
  story_.accept(question);
  show_to_the_others(answer);
  story_.show(question, kBob);
  story_.show(question, kCem);
  EXPECT_RED(story_.finish(), "reply-order");
}

}  // namespace
}  // namespace imroute
