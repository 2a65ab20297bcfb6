// Sends messages for users who have no connection of their own: for each sending device a session
// like any client's, at the node that the router chooses, for as long as something is to be sent.
// So a message that came this way is stored, ordered, routed and deduplicated as all others are.
//
// A message is repeated, at another node if need be, until the store has answered or its sender
// gives up. Its client_seq makes that harmless: the store takes each once. Messages of one device
// go one after the other, each when the one before is answered.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "cluster/process/login_desk.h"
#include "core/model/config.h"

namespace imroute::cluster {

// The device that sends when none is named. Devices number from 0; this one is the last there is.
inline constexpr uint32_t kPostDevice = 63;

struct PostedMessage {
  ConversationId conversation;
  EntryKind kind = EntryKind::message;
  std::string payload;
  // Given by the sender: rising numbers of its own, so that a repetition is known as one. 0: the
  // next of this session, above all of earlier ones.
  uint64_t client_seq = 0;
};
struct PostAnswer {
  Reason refused = Reason::none;
  Position position;  // seq 0: the store took it for one of long ago, nothing was stored now
  uint64_t client_seq = 0;
};

class PostOffice {
 public:
  using OnAnswer = std::function<void(const PostAnswer&)>;
  PostOffice(Loop& loop, LoginDesk& desk, const SessionConfig& sessions, LayerTo layer_to);
  ~PostOffice();

  // Answered once, later; with `timeout` at the deadline when nothing is known by then.
  void post(DeviceKey from, PostedMessage message, MonoTime deadline, OnAnswer on_answer);
  size_t senders() const { return senders_.size(); }

 private:
  class Sender;
  Loop& loop_;
  LoginDesk& desk_;
  SessionConfig sessions_;
  LayerTo layer_to_;
  LinkTotals totals_;
  std::map<DeviceKey, std::shared_ptr<Sender>> senders_;
};

}  // namespace imroute::cluster
