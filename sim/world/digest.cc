#include "sim/world/digest.h"

#include <cstring>

namespace imroute {

namespace {

constexpr uint64_t kOdd[] = {
    0x9e3779b97f4a7c15ull, 0xc2b2ae3d27d4eb4full, 0x165667b19e3779f9ull, 0xd6e8feb86659fd93ull,
    0xa0761d6478bd642full, 0xe7037ed1a0b428dbull, 0x8ebc6af09c88c6e3ull, 0x589965cc75374cc3ull,
    0x1d8e4e27c47d124full, 0xeb44accab455d165ull, 0x2127599bf4325c37ull, 0x880355f21e6d1965ull,
    0xff51afd7ed558ccdull, 0xc4ceb9fe1a85ec53ull, 0x4cf5ad432745937full, 0x38495ab5ba5a2a1bull};

// Size and first eight bytes: the message's number.
uint64_t digest_of(const Payload& payload) {
  uint64_t head = 0;
  if (payload.size() >= sizeof head) std::memcpy(&head, payload.bytes().data(), sizeof head);
  return head * kOdd[14] + payload.size();
}

uint64_t digest_of(const Position& p) { return p.seq * kOdd[13] + p.epoch; }

uint64_t digest_of(const UserRecord& record) {
  uint64_t sum = record.user.value * kOdd[0] + record.version * kOdd[1];
  for (const DeviceRow& row : record.rows) {
    sum =
        mix64(sum, row.generation * kOdd[2] + row.node.value * kOdd[3] + row.incarnation * kOdd[4] +
                       row.link.value * kOdd[5] + static_cast<uint64_t>(row.state));
  }
  return sum;
}

}  // namespace

uint64_t digest_of(const Frame& f) {
  const uint64_t small =
      static_cast<uint64_t>(f.type) | uint64_t{f.flags} << 8 | uint64_t{f.hops} << 16 |
      static_cast<uint64_t>(f.via) << 24 | static_cast<uint64_t>(f.reason) << 32 |
      static_cast<uint64_t>(f.client_type) << 40 | static_cast<uint64_t>(f.entry.kind) << 48;
  const uint64_t who = uint64_t{f.device} << 32 | f.node.value;
  uint64_t sum = small * kOdd[0] + who * kOdd[1] + f.user.value * kOdd[2] + f.number * kOdd[3] +
                 f.generation * kOdd[4] + f.incarnation * kOdd[5] + f.version * kOdd[6] +
                 f.mask * kOdd[7] + f.load * kOdd[8] + f.base * kOdd[9] + f.route.value * kOdd[10];
  const Entry& e = f.entry;
  uint64_t entry = e.conversation.hi * kOdd[1] + e.conversation.lo * kOdd[2] +
                   digest_of(e.position) * kOdd[3] + e.sender.value * kOdd[4] +
                   e.sender_device * kOdd[5] + e.client_seq * kOdd[6] + e.subject.value * kOdd[7] +
                   digest_of(e.payload) * kOdd[8];
  for (NodeId node : f.nodes) entry = entry * kOdd[11] + node.value + 1;
  if (!f.list.empty()) entry ^= hash_bytes(f.list.bytes());
  return mix64(sum ^ (entry << 32 | entry >> 32));
}

uint64_t digest_of(const Reply& reply) {
  uint64_t sum = reply.id.value * kOdd[0] + static_cast<uint64_t>(reply.status) * kOdd[1];
  if (reply.status != ReplyStatus::ok) return mix64(sum);
  if (const DirectoryReply* r = reply.directory) {
    sum += static_cast<uint64_t>(r->kind) * kOdd[2] + static_cast<uint64_t>(r->result) * kOdd[3] +
           r->identity * kOdd[4] + r->generation * kOdd[5] + digest_of(r->record) * kOdd[6] +
           r->losers.size();
    if (r->records) {
      for (const UserRecord& record : *r->records) sum = mix64(sum, digest_of(record));
    }
    if (r->verdicts) {
      for (const SessionVerdict& v : *r->verdicts) {
        sum = mix64(sum, v.key.user.value * kOdd[7] + v.current_generation * 4 + v.missing * 2u +
                             v.outdated);
      }
    }
  }
  if (const MailboxReply* r = reply.mailbox) {
    sum += static_cast<uint64_t>(r->kind) * kOdd[2] + static_cast<uint64_t>(r->result) * kOdd[3] +
           r->identity * kOdd[4] + digest_of(r->position) * kOdd[5] + digest_of(r->next) * kOdd[6] +
           digest_of(r->head) * kOdd[7] + r->expected * kOdd[8] + r->skipped * kOdd[9] +
           r->members_version * kOdd[10] + r->index_version * kOdd[11] +
           (uint64_t{r->first_bind} << 1 | uint64_t{r->member});
    if (r->entries) {
      for (const Entry& e : *r->entries) {
        sum = mix64(sum, digest_of(e.position) * kOdd[2] + digest_of(e.payload));
      }
    }
    if (r->members) sum = mix64(sum, r->members->size());
    if (r->conversations) {
      for (const ConversationState& c : *r->conversations) {
        sum = mix64(
            sum, c.conversation.lo * kOdd[3] + digest_of(c.head) * kOdd[4] + digest_of(c.cursor));
      }
    }
    if (r->ahead) {
      for (const CompareItem& c : *r->ahead) {
        sum = mix64(sum, c.conversation.lo * kOdd[5] + digest_of(c.known) + c.index_version);
      }
    }
  }
  if (const RegistryReply* r = reply.registry) {
    sum += static_cast<uint64_t>(r->kind) * kOdd[2] + r->session * kOdd[3] +
           r->incarnation * kOdd[4] + r->epoch * kOdd[5];
    if (r->view) sum += r->view->version * kOdd[6] + r->view->members.size() * kOdd[7];
  }
  return mix64(sum);
}

}  // namespace imroute
