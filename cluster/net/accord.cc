#include "cluster/net/accord.h"

#include <utility>

namespace imroute::cluster {

namespace {

constexpr size_t kMostHello = 64;  // body: three numbers

std::string versions(uint64_t oldest, uint64_t newest) {
  return oldest == newest ? std::to_string(oldest)
                          : std::to_string(oldest) + " to " + std::to_string(newest);
}

// Reads the same on both sides.
std::string no_common_version(const Hello& ours, std::span<const std::byte> theirs,
                              BlobPool& pool) {
  Frame frame;
  const bool readable = decode(theirs, frame, pool).status == ReadStatus::frame;
  // A version that cannot be read shows in the third byte: it is its sender's oldest.
  const uint64_t oldest = readable ? frame.base : static_cast<uint64_t>(theirs[2]);
  const std::string other =
      readable ? versions(oldest, frame.version) : std::to_string(oldest) + " or later";
  const std::string here = versions(ours.oldest, ours.newest);
  const bool we_are_older = oldest > ours.newest;
  return "no frame version in common: one side speaks " + here + ", the other " + other +
         "; upgrade the side that speaks " + (we_are_older ? here : other);
}

}  // namespace

Accord::Verdict Accord::hear(std::span<const std::byte> bytes, BlobPool& pool) {
  const auto refuse = [](Reason reason, std::string text) {
    return Verdict{0, reason, std::move(text)};
  };
  WireHeader header;
  const WireError error = read_header(bytes, header);
  if (error == WireError::unknown_version) {
    return refuse(Reason::version_refused, no_common_version(ours_, bytes, pool));
  }
  if (error != WireError::none) {
    return refuse(reason_of(error), std::string(to_string(error)));
  }
  if (bytes.size() < kWireHeaderBytes) return {};
  if (header.serializer != kSerializerFrames ||
      header.type != static_cast<uint8_t>(FrameType::hello)) {
    return refuse(Reason::protocol_error, "a HELLO must come first");
  }
  if (header.body_size > kMostHello) return refuse(Reason::too_large, "too large for a HELLO");
  const size_t size = kWireHeaderBytes + header.body_size;
  if (bytes.size() < size) return {};
  const Agreement agreement = agree(ours_, bytes.first(size), pool);
  if (agreement.refused == Reason::version_refused) {
    return refuse(agreement.refused, no_common_version(ours_, bytes.first(size), pool));
  }
  if (agreement.refused != Reason::none) return refuse(agreement.refused, "not a HELLO");
  heard_ = true;
  common_ = agreement.features;
  return {size, Reason::none, {}};
}

bool Accord::on_agreed() {
  agreed_ = heard_ && common_ != 0;
  return agreed_;
}

void Accord::wait(const Frame& frame) {
  if (waiting_ == nullptr) waiting_ = std::make_unique<std::vector<Frame>>();
  waiting_->push_back(frame);
}

std::vector<Frame> Accord::take_waiting() {
  if (waiting_ == nullptr) return {};
  return std::move(*std::exchange(waiting_, nullptr));
}

// Nothing is lost when it is the same after it was written without features and read again.
bool Accord::must_wait(const Frame& frame, BlobPool& pool) const {
  if (heard_) return false;
  if (waiting() != 0) return true;
  const uint32_t bare_fields = frame_fields(frame.type, 0);
  if (bare_fields == frame_fields(frame.type, ours_.features)) return false;
  if (bare_fields == 0) return true;
  ByteBuffer whole, bare, again;
  encode(frame, 0, whole, ours_.features);
  encode(frame, 0, bare, 0);
  Frame rest;
  decode(bare, rest, pool, 0);
  encode(rest, 0, again, ours_.features);
  return again != whole;
}

}  // namespace imroute::cluster
