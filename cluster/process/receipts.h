// Delivery receipts, from chat to chat (docs/adr/0010): whoever is shown a direct message answers
// with an ordinary message of that conversation, the byte ACK (0x06) and the position up to which
// everything was shown: "\x06" "1/23" is epoch 1, sequence 23. So a receipt is stored, ordered and
// routed as any message is, by every strategy, and waits for a sender who is away.
//
// A receipt is cumulative, and at most one of a conversation is on its way to the store: what is
// shown meanwhile is in the next. Receipts are for messages only, never for receipts, and not in
// groups. A user's devices read each other's and do not repeat them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/model/message.h"

namespace imroute::cluster {

std::string receipt_text(Position upto);
// Nothing when the entry is no receipt.
std::optional<Position> read_receipt(const Entry& entry);

class Receipts {
 public:
  using Send = std::function<void(ConversationId, const std::string& text, uint64_t tag)>;
  // `send` is given tags from kFirstTag on; others are free for messages.
  static constexpr uint64_t kFirstTag = uint64_t{1} << 63;
  Receipts(UserId self, Send send) : self_(self), send_(std::move(send)) {}

  // ---- of messages to this user
  // The user has been shown it.
  void owe(const Entry& entry);
  // What was sent under that tag is accepted or refused. False: it was no receipt.
  bool on_settled(uint64_t tag);
  // Some are not yet accepted.
  bool owes() const { return !under_way_.empty(); }

  // ---- of messages from this user
  // A message is accepted, as that entry. True: it has been shown already.
  bool on_accepted(uint64_t tag, const Entry& entry);
  // A receipt came. The tags of the messages that are delivered by it, in order.
  std::vector<uint64_t> on_receipt(const Entry& entry);

 private:
  struct Conversation {
    Position shown;                        // the last message from the other user that was shown
    Position told;                         // in the last receipt
    Position receipt;                      // by the other user
    std::map<Position, uint64_t> awaited;  // tags of messages that are accepted
  };
  void tell(ConversationId id, Conversation& conversation);

  UserId self_;
  Send send_;
  uint64_t next_tag_ = kFirstTag;
  std::map<ConversationId, Conversation> conversations_;
  std::map<uint64_t, ConversationId> under_way_;
};

}  // namespace imroute::cluster
