// Hand-fed histories: a small world of a few users whose facts a test tells one by one.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>

#include "harness/history/history.h"
#include "harness/workload/message.h"

namespace imroute {

class Story {
 public:
  explicit Story(Scenario scenario, std::vector<Fault> plan = {})
      : s(std::move(scenario)), history(s, plan) {}

  static Scenario scenario(uint64_t users = 4, uint32_t devices = 1) {
    Scenario s;
    s.topology.nodes = 2;
    s.topology.users = users;
    s.topology.devices_per_user = devices;
    s.duration_ns = 100 * kSecond;
    s.warmup_ns = kSecond;
    return s;
  }
  // Nothing is ever on its way.
  static Scenario without_ways(uint64_t users = 4, uint32_t devices = 1) {
    Scenario s = scenario(users, devices);
    s.network.client = s.network.peer = s.network.service = {};
    return s;
  }
  static DeviceKey device(uint64_t user, uint32_t d = 0) { return {UserId{user}, d}; }

  // Everybody logs in at the start and was met by the mailbox.
  void everybody_online() {
    for (uint64_t u = 0; u < s.topology.users; ++u) {
      for (uint32_t d = 0; d < s.topology.devices_per_user; ++d) online(device(u, d));
    }
  }
  void online(DeviceKey key, uint32_t node = 0) {
    history.first_bind(t, key);
    history.online(t, key, NodeId{node}, ++generation);
  }

  Entry entry(uint64_t tag, DeviceKey from, ConversationId conversation) {
    Entry e;
    e.conversation = conversation;
    e.sender = from.user;
    e.sender_device = from.device;
    e.client_seq = ++client_seq[{from, conversation}];
    e.payload = make_body(pool, tag, 40);
    return e;
  }
  Entry send(uint64_t tag, DeviceKey from, ConversationId conversation, uint64_t answers = 0) {
    Entry e = entry(tag, from, conversation);
    history.sent(t, from, tag, conversation, EntryKind::message, e.payload, answers);
    return e;
  }
  void store(Entry& e) {
    e.position = {epoch, ++heads[e.conversation]};
    history.appended(t, e);
  }
  void accept(const Entry& e) {
    history.accepted(t, {e.sender, e.sender_device}, payload_tag_of(e), e);
  }
  void show(const Entry& e, DeviceKey to, Via via = Via::push) { history.shown(t, to, e, via); }
  // Sent, stored and accepted.
  Entry post(uint64_t tag, DeviceKey from, ConversationId conversation, uint64_t answers = 0) {
    Entry e = send(tag, from, conversation, answers);
    if (s.delivery.guarantee == Guarantee::at_least_once) store(e);
    accept(e);
    return e;
  }
  Entry post(uint64_t tag, uint64_t from, uint64_t to, uint64_t answers = 0) {
    return post(tag, device(from), ConversationId::direct(UserId{from}, UserId{to}), answers);
  }
  Entry create_group(uint64_t number, const std::vector<uint64_t>& members) {
    Entry e;
    e.conversation = ConversationId::group(number);
    e.kind = EntryKind::create;
    e.sender = UserId{members.front()};
    e.payload = pool.copy_list(std::span<const uint64_t>(members));
    store(e);
    return e;
  }
  Entry change(EntryKind kind, uint64_t user, uint64_t group) {
    Entry e;
    e.conversation = ConversationId::group(group);
    e.kind = kind;
    e.sender = e.subject = UserId{user};
    e.client_seq = ++client_seq[{device(user), e.conversation}];
    store(e);
    return e;
  }

  Result finish(FinalState state = {}) {
    t += kSecond;
    history.phase(t, History::Phase::final);
    Result result;
    history.finish(t, state, result);
    return result;
  }

  static std::string properties(const Result& r) {
    std::string text;
    for (const Violation& v : r.violations) {
      text += (text.empty() ? "" : " ") + v.property + (v.excused.empty() ? "" : "(excused)");
    }
    return text;
  }

  Scenario s;
  BlobPool pool;
  History history;
  int64_t t = 0;
  uint32_t epoch = 1;
  uint64_t generation = 0;
  std::map<ConversationId, uint64_t> heads;

 private:
  static uint64_t payload_tag_of(const Entry& e) {
    uint64_t tag = 0;
    std::memcpy(&tag, e.payload.bytes().data(), sizeof tag);
    return tag;
  }
  std::map<std::pair<DeviceKey, ConversationId>, uint64_t> client_seq;
};

// The right history is green, with these figures; a wrong one names exactly these properties.
#define EXPECT_GREEN(result) EXPECT_EQ(Story::properties(result), "")
#define EXPECT_RED(result, names) EXPECT_EQ(Story::properties(result), names)

}  // namespace imroute
