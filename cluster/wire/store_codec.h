// Store operations and replies as bodies of control messages. What a machine says of its own
// deadlines stays at home: its clock means nothing elsewhere.
#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "cluster/store/store.h"
#include "cluster/wire/archive.h"

namespace imroute::cluster {

// Of one message: 64 entries of the largest size, and some.
inline constexpr size_t kMostStoreBytes = 16 * 1024 * 1024;

using AnyStoreOp = std::variant<DirectoryOp, MailboxOp, RegistryOp>;
using AnyStoreReply = std::variant<DirectoryReply, MailboxReply, RegistryReply>;

struct StoreRequest {
  uint64_t number = 0;  // of this connection; returned with the reply
  AnyStoreOp op;
};
struct StoreResponse {
  uint64_t number = 0;
  ReplyStatus status = ReplyStatus::unknown;
  AnyStoreReply reply;              // sent when status is ok
  std::vector<ServerPlace> places;  // registry list: of the view's members, in order
};

ByteBuffer encode_request(const StoreRequest& request);
bool decode_request(std::span<const std::byte> body, BlobPool& pool, StoreRequest& request);
ByteBuffer encode_response(const StoreResponse& response);
bool decode_response(std::span<const std::byte> body, BlobPool& pool, StoreResponse& response);

}  // namespace imroute::cluster
