// The messages of a client's connection as JSON, one object each, for browsers (docs/websocket.md).
// A frame is its type and the fields that the type carries, each under its own name, so that a
// field of a frame has one meaning everywhere; of the control messages those that a client has to
// do with. HELLO is said here for the client: what it speaks is what this build can translate, as
// far as the server has it.
//
// Numbers that may pass 2^53, user ids, are strings. A user may be given by name.
#pragma once

#include <string>

#include "cluster/net/websocket.h"
#include "core/base/payload.h"
#include "core/model/frame.h"

namespace imroute::cluster {

class JsonFrames : public TextCodec {
 public:
  JsonFrames(BlobPool& pool, uint64_t features) : pool_(pool), features_(features) {}
  bool read(std::string_view text, ByteBuffer& messages) override;
  void write(std::span<const std::byte> messages,
             const std::function<void(std::string_view)>& each) override;
  const std::string& trouble() const override { return trouble_; }

 private:
  BlobPool& pool_;
  uint64_t features_;
  bool said_hello_ = false;
  UserId self_;  // who logs in or binds here: the other one of a conversation is named
  std::string trouble_;
};

}  // namespace imroute::cluster
