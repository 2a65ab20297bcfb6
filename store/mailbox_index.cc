// The mailbox's bookkeeping: finding conversations, parties, members and positions,
// and what each device sent.
#include <algorithm>
#include <utility>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "store/mailbox.h"

namespace imroute {

uint32_t Mailbox::find_log(ConversationId id) const {
  const uint32_t* number = numbers_.find(id);
  return number == nullptr ? 0 : *number;
}

uint32_t Mailbox::make_log(ConversationId id) {
  const uint32_t number = logs_.make();
  logs_[number].id = id;
  *numbers_.insert(id) = number;
  return number;
}

uint32_t Mailbox::make_direct(ConversationId id) {
  const uint32_t number = make_log(id);
  add_to_index(UserId{id.hi}, number);
  if (id.hi != id.lo) add_to_index(UserId{id.lo}, number);
  return number;
}

uint32_t Mailbox::make_group(ConversationId id) {
  const uint32_t number = make_log(id);
  const uint32_t group = groups_.make();
  logs_[number].group = group;
  groups_[group].members = std::make_shared<const std::vector<UserId>>();
  return number;
}

// With the index entries that stand before the first entry of a conversation. There is a log
// already when an append was torn, or a group refused somebody.
uint32_t Mailbox::make_empty(const Entry& first) {
  uint32_t number = find_log(first.conversation);
  if (!first.conversation.is_group()) return number != 0 ? number : make_direct(first.conversation);
  if (number == 0) number = make_group(first.conversation);
  Group& group = groups_[logs_[number].group];
  for (const UserId user : first.payload.as<UserId>()) {
    if (std::find(group.ever.begin(), group.ever.end(), user) != group.ever.end()) continue;
    group.ever.push_back(user);
    add_to_index(user, number);
  }
  return number;
}

void Mailbox::seed_group(ConversationId id, std::span<const UserId> members, Payload payload,
                         int64_t now) {
  IM_ASSERT(id.is_group() && find_log(id) == 0 && !members.empty());
  const uint32_t number = make_group(id);
  Log& log = logs_[number];
  log.head_seq = 1;
  log.head_epoch = 1;
  epoch_ = std::max(epoch_, 1u);
  const uint32_t made = entries_.make();
  Item& item = entries_[made];
  item.payload = std::move(payload);
  item.sender = members.front();
  item.at = now;
  item.epoch = 1;
  item.seq = 1;
  item.kind = EntryKind::create;
  log.first = log.last = made;
  log.kept = 1;
  Group& group = groups_[log.group];
  std::vector<UserId> sorted(members.begin(), members.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  IM_ASSERT(sorted.size() <= kMaxGroupSize);
  for (const UserId user : sorted) {
    group.intervals.insert(user)->push_back({1, 0});
    group.ever.push_back(user);
    add_to_index(user, number);
  }
  set_members(group, std::move(sorted));
}

void Mailbox::add_to_index(UserId id, uint32_t log) {
  User& user = *users_.insert(id);
  const uint32_t link = links_.make();
  links_[link] = {log, 0};
  (user.last == 0 ? user.first : links_[user.last].next) = link;
  user.last = link;
  ++user.index_version;
}

const Mailbox::Party* Mailbox::find_party(const Log& log, DeviceKey key) const {
  if (log.group != 0) {
    const uint32_t* number = groups_[log.group].parties.find(key);
    return number == nullptr ? nullptr : &parties_[*number];
  }
  for (uint32_t i = log.parties; i != 0; i = parties_[i].next) {
    if (parties_[i].user == key.user && parties_[i].device == key.device) return &parties_[i];
  }
  return nullptr;
}

Mailbox::Party* Mailbox::find_party(const Log& log, DeviceKey key) {
  return const_cast<Party*>(std::as_const(*this).find_party(log, key));
}

Mailbox::Party& Mailbox::ensure_party(Log& log, DeviceKey key) {
  if (Party* have = find_party(log, key); have != nullptr) return *have;
  const uint32_t made = parties_.make();
  Party& party = parties_[made];
  party.user = key.user;
  party.device = key.device;
  if (log.group != 0) {
    *groups_[log.group].parties.insert(key) = made;
  } else {
    party.next = log.parties;
    log.parties = made;
  }
  return party;
}

uint32_t Mailbox::epoch_at(const Log& log, uint32_t seq) const {
  if (seq == 0) return 0;
  if (log.runs == 0) return log.head_epoch;
  const std::vector<EpochRun>& runs = runs_[log.runs];
  for (size_t i = runs.size(); i-- > 0;) {
    if (runs[i].first_seq <= seq) return runs[i].epoch;
  }
  return 0;
}

bool Mailbox::contains(const Log& log, Position position) const {
  return position.seq <= log.head_seq &&
         epoch_at(log, static_cast<uint32_t>(position.seq)) == position.epoch;
}

Position Mailbox::last_common(const Log& log, Position from) const {
  uint64_t seq = std::min<uint64_t>(from.seq, log.head_seq);
  if (log.runs != 0) {
    const std::vector<EpochRun>& runs = runs_[log.runs];
    for (size_t i = runs.size(); i-- > 0;) {
      if (runs[i].first_seq > seq) continue;
      if (runs[i].epoch <= from.epoch) return {runs[i].epoch, seq};
      seq = runs[i].first_seq - 1;
    }
    return {};
  }
  if (seq == 0 || log.head_epoch > from.epoch) return {};
  return {log.head_epoch, seq};
}

bool Mailbox::entitled(const Log& log, UserId user, uint32_t seq) const {
  if (log.group == 0) return log.id.has_party(user);
  const std::vector<Interval>* intervals = groups_[log.group].intervals.find(user);
  if (intervals == nullptr) return false;
  return std::any_of(intervals->begin(), intervals->end(), [seq](const Interval& i) {
    return i.join <= seq && (i.leave == 0 || seq < i.leave);
  });
}

bool Mailbox::belongs_after(const Log& log, UserId user, uint64_t seq) const {
  if (log.group == 0) return true;
  const std::vector<Interval>* intervals = groups_[log.group].intervals.find(user);
  return intervals != nullptr &&
         std::any_of(intervals->begin(), intervals->end(),
                     [seq](const Interval& i) { return i.leave == 0 || i.leave > seq + 1; });
}

bool Mailbox::is_member(const Log& log, UserId user) const {
  if (log.group == 0) return log.id.has_party(user);
  const std::vector<Interval>* intervals = groups_[log.group].intervals.find(user);
  return intervals != nullptr && !intervals->empty() && intervals->back().leave == 0;
}

void Mailbox::set_members(Group& group, std::vector<UserId> members) {
  group.members = std::make_shared<const std::vector<UserId>>(std::move(members));
  ++group.members_version;
}

Entry Mailbox::entry_of(const Log& log, const Item& item) const {
  Entry entry;
  entry.conversation = log.id;
  entry.position = {item.epoch, item.seq};
  entry.kind = item.kind;
  entry.sender = item.sender;
  entry.sender_device = item.sender_device;
  entry.client_seq = item.client_seq;
  entry.subject = item.subject;
  entry.payload = item.payload;
  return entry;
}

Position Mailbox::head(ConversationId id) const {
  const uint32_t number = find_log(id);
  if (number == 0) return {};
  return {logs_[number].head_epoch, logs_[number].head_seq};
}

Position Mailbox::stored_cursor(DeviceKey key, ConversationId id) const {
  const uint32_t number = find_log(id);
  const Party* party = number == 0 ? nullptr : find_party(logs_[number], key);
  if (party == nullptr) return {};
  return {party->cursor_epoch, party->cursor_seq};
}

// ---- what a device sent ------------------------------------------------------------------------

// The last kMaxOpenSends client_seqs of a device, each at client_seq % spot_count. Dense numbers
// make the table as small as what was sent: it doubles only when client_seqs pass its size.
void Mailbox::note_spot(Party& party, uint64_t client_seq, Spot spot) {
  if (client_seq > party.spot_count && party.spot_count < kMaxOpenSends) {
    uint32_t count = party.spot_count;
    while (count < kMaxOpenSends && count < client_seq) count = count == 1 ? 4 : count * 2;
    SpotRing grown = std::make_unique<Spot[]>(count);
    const uint64_t last = party.last_client_seq;
    const uint64_t from = last > party.spot_count ? last - party.spot_count + 1 : 1;
    for (uint64_t s = from; s <= last; ++s) grown[s % count] = spot_of(party, s);
    party.spots = std::move(grown);
    party.spot_count = count;
  }
  const auto place = [&party](uint64_t s) -> Spot& {
    return party.spot_count == 1 ? party.only_spot : party.spots[s % party.spot_count];
  };
  // Numbers stepped over (the sender knows them accepted, this store lost them) are unknown here.
  const uint64_t oldest = client_seq > party.spot_count ? client_seq - party.spot_count + 1 : 1;
  for (uint64_t s = std::max(party.last_client_seq + 1, oldest); s < client_seq; ++s) {
    place(s) = Spot{};
  }
  place(client_seq) = spot;
  party.last_client_seq = client_seq;
}

Mailbox::Spot Mailbox::spot_of(const Party& party, uint64_t client_seq) {
  if (client_seq > party.last_client_seq) return {};
  if (party.last_client_seq - client_seq >= party.spot_count) return {};
  return party.spot_count == 1 ? party.only_spot : party.spots[client_seq % party.spot_count];
}

void Mailbox::take_back_spot(Party& party, uint64_t client_seq) {
  const uint64_t places = std::min<uint64_t>(party.last_client_seq, party.spot_count);
  for (uint64_t s = std::max(client_seq, party.last_client_seq - places + 1);
       s <= party.last_client_seq; ++s) {
    // The place now stands for a number spot_count earlier, which was overwritten.
    (party.spot_count == 1 ? party.only_spot : party.spots[s % party.spot_count]) = Spot{};
  }
  party.last_client_seq = std::min(party.last_client_seq, client_seq - 1);
}

}  // namespace imroute
