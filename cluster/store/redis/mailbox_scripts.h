// The mailbox's scripts. Keys of a conversation share its name as hash tag:
//   box:{direct:1:2}      hash   head_epoch, head_seq, expired_seq, runs ("1:1 5:2": from entry 5
//   on
//                                epoch 2), members_version, member_count; per user and device
//                                c1:0 cursor "epoch seq", l1:0 last client_seq,
//                                s1:0:7 "client_seq epoch seq" of one of the last 64 (seq 0:
//                                refused)
//   log:{direct:1:2}      stream entries, id = seq-epoch
//   members:{group:5}     hash   user -> "2-5 7-0": member from entry 2 to before 5, and since 7
// Keys of a user share the user:
//   person:{1}            hash   version of the index, d0, d1, ...: devices that were opened
//   index:{1}             sorted set of conversation names, by the version that brought them
// A script touches one conversation or one user. Lua's numbers are exact up to 2^53 and written out
// up to 10^14: sequences and times (milliseconds) stay far below, a client_seq is kept as it came.
#pragma once

#include <string>

namespace imroute::cluster {

inline const std::string kMailboxWords = R"lua(
local box, log, members = KEYS[1], KEYS[2], KEYS[3]
local function number(text) return tonumber(text or '0') or 0 end
local function epoch_at(runs, seq)
  local found = 0
  if seq == 0 then return 0 end
  for first, epoch in string.gmatch(runs or '', '(%d+):(%d+)') do
    if tonumber(first) <= seq then found = tonumber(epoch) end
  end
  return found
end
local function intervals_of(user)
  local out = {}
  for join, leave in string.gmatch(redis.call('HGET', members, user) or '', '(%d+)-(%d+)') do
    out[#out + 1] = {tonumber(join), tonumber(leave)}
  end
  return out
end
local function covers(intervals, seq)
  for _, i in ipairs(intervals) do
    if i[1] <= seq and (i[2] == 0 or seq < i[2]) then return true end
  end
  return false
end
local function is_member(intervals) return #intervals > 0 and intervals[#intervals][2] == 0 end
local function list_members()
  local out, all = {}, redis.call('HGETALL', members)
  for i = 1, #all, 2 do
    if string.sub(all[i + 1], -2) == '-0' then out[#out + 1] = all[i] end
  end
  return out
end
-- Drops from the front what is older than the retention: a log stays a piece without holes.
local function expire(now, retention)
  if retention == 0 then return end
  local till = 0
  repeat
    local first = redis.call('XRANGE', log, '-', '+', 'COUNT', 64)
    local gone = 0
    for _, entry in ipairs(first) do
      if tonumber(entry[2][12]) > now - retention then break end
      gone = gone + 1
      till = tonumber(string.match(entry[1], '%d+'))
    end
    if gone > 0 then redis.call('XTRIM', log, 'MINID', till + 1) end
  until gone < 64
  if till > 0 then redis.call('HSET', box, 'expired_seq', till) end
end
local function add(now, seq, epoch, kind, sender, device, client_seq, subject, payload)
  redis.call('XADD', log, seq .. '-' .. epoch, 'kind', kind, 'sender', sender, 'device', device,
             'client_seq', client_seq, 'subject', subject, 'written', now, 'payload', payload)
  redis.call('HSET', box, 'head_epoch', epoch, 'head_seq', seq)
end
)lua";

// epoch, sender, device, client_seq, base, kind (0 message, 1 create, 2 join, 3 leave), subject,
// now, retention, allowed (0, 1: direct; g: ask the members), indexed (0, 1), known members
// version, most members, devices of the subject ("0 2"), payload, members of a new group (none: its
// list is not right)...
//   -> what, epoch, seq, expected, members version, members
inline const std::string kAppendScript = kMailboxWords + R"lua(
local epoch, sender, device = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local client_seq, base, kind, subject = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6], ARGV[7]
local now, retention, allowed, indexed = tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10], ARGV[11]
local party = sender .. ':' .. device
local have = redis.call('HMGET', box, 'head_epoch', 'head_seq', 'runs', 'members_version',
                        'member_count', 'l' .. party)
local there = have[2] ~= false
local head_epoch, head_seq, version = number(have[1]), number(have[2]), number(have[4])
if epoch < head_epoch then return {'wrong_epoch'} end
-- The index entry stands before the first entry of a conversation: the caller writes it and asks again.
if not there and allowed == '1' and indexed == '0' then return {'index'} end

local function answer(what, at_epoch, at_seq, expected)
  local listed = {}
  if version ~= 0 and version ~= tonumber(ARGV[12]) then listed = list_members() end
  return {what, at_epoch, at_seq, expected, version, listed}
end
local function note_sent(at_epoch, at_seq)
  redis.call('HSET', box, 'l' .. party, ARGV[4], 's' .. party .. ':' .. client_seq % 64,
             ARGV[4] .. ' ' .. at_epoch .. ' ' .. at_seq)
end

local expected = math.max(number(have[6]) + 1, base)
if client_seq > expected then return {'out_of_order', 0, 0, expected, 0, {}} end
if client_seq < expected then
  local sent = redis.call('HGET', box, 's' .. party .. ':' .. client_seq % 64) or ''
  local which, at_epoch, at_seq = string.match(sent, '(%d+) (%d+) (%d+)')
  if tonumber(which) ~= client_seq then return answer('duplicate', 0, 0, 0) end
  return answer(at_seq == '0' and 'refused' or 'duplicate', tonumber(at_epoch), tonumber(at_seq), 0)
end

local intervals = {}
local of_group = allowed == 'g'
if of_group then
  allowed = '0'
  intervals = intervals_of(sender)
  local member = is_member(intervals)
  if kind == '0' and member then allowed = '1' end
  if kind == '1' and not there and ARGV[16] then
    allowed = '1'
    if indexed == '0' then return {'index'} end
  end
  if kind == '2' and there and not member and subject == sender and
     number(have[5]) < tonumber(ARGV[13]) then
    allowed = '1'
    if #intervals == 0 and indexed == '0' then return {'index'} end
  end
  if kind == '3' and member and subject == sender then allowed = '1' end
end
if allowed ~= '1' then
  -- Final: not stored either when the group is made before a repetition comes.
  if there or of_group then note_sent(0, 0) end
  return answer('refused', 0, 0, 0)
end

expire(now, retention)
local seq = head_seq + 1
local runs = have[3] or ''
if head_epoch ~= epoch then
  redis.call('HSET', box, 'runs', (runs == '' and '' or runs .. ' ') .. seq .. ':' .. epoch)
end
add(now, seq, epoch, kind, sender, device, ARGV[4], subject, ARGV[15])
note_sent(epoch, seq)
if kind == '1' then
  for i = 16, #ARGV do redis.call('HSET', members, ARGV[i], seq .. '-0') end
  redis.call('HSET', box, 'member_count', #ARGV - 15)
  version = redis.call('HINCRBY', box, 'members_version', 1)
elseif kind ~= '0' then
  local text = redis.call('HGET', members, subject)
  if kind == '3' then
    text = string.gsub(text, '%-0$', '-' .. seq)
    redis.call('HINCRBY', box, 'member_count', -1)
  else
    -- What was before is not for them: their devices start here.
    if not text then
      for other in string.gmatch(ARGV[14], '%d+') do
        redis.call('HSET', box, 'c' .. subject .. ':' .. other,
                   epoch_at(runs, head_seq) .. ' ' .. head_seq)
      end
    end
    text = (text and text .. ' ' or '') .. seq .. '-0'
    redis.call('HINCRBY', box, 'member_count', 1)
  end
  redis.call('HSET', members, subject, text)
  version = redis.call('HINCRBY', box, 'members_version', 1)
end
return answer('ok', epoch, seq, 0)
)lua";

// user, epoch and seq of the last that is known, limit, now, retention, access (1 party of a direct
// conversation, 0 a stranger, g: ask the members)
//   -> what, epoch, seq, head epoch, head seq, skipped, member, entries
inline const std::string kReadScript = kMailboxWords + R"lua(
local user, epoch, from, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local access = ARGV[7]
expire(tonumber(ARGV[5]), tonumber(ARGV[6]))
local have = redis.call('HMGET', box, 'head_epoch', 'head_seq', 'runs', 'expired_seq')
local head_epoch, head_seq, runs, expired = number(have[1]), number(have[2]), have[3], number(have[4])
if head_seq == 0 then
  return {from > 0 and 'rewind' or 'ok', 0, 0, 0, 0, 0, access == 'g' and 0 or 1, {}}
end
local intervals = {}
if access == 'g' then intervals = intervals_of(user) end
if access == '1' then intervals = {{1, 0}} end
local function member_after(seq)
  if access ~= 'g' then return 1 end
  for _, i in ipairs(intervals) do
    if i[2] == 0 or i[2] > seq + 1 then return 1 end
  end
  return 0
end
if from > 0 and (from > head_seq or epoch_at(runs, from) ~= epoch) then
  -- The last common one: back through the runs until one is no later than what the reader knows.
  local seq = math.min(from, head_seq)
  while seq > 0 and epoch_at(runs, seq) > epoch do
    local first = 1
    for start in string.gmatch(runs, '(%d+):') do
      if tonumber(start) <= seq then first = tonumber(start) end
    end
    seq = first - 1
  end
  return {'rewind', epoch_at(runs, seq), seq, head_epoch, head_seq, 0, member_after(seq), {}}
end
local skipped = 0
for _, i in ipairs(intervals) do
  local last = i[2] == 0 and expired or math.min(expired, i[2] - 1)
  skipped = skipped + math.max(0, last - math.max(i[1], from + 1) + 1)
end
if skipped > 0 then
  return {'reset', epoch_at(runs, expired), expired, head_epoch, head_seq, skipped,
          member_after(expired), {}}
end
local out, next_epoch, next_seq, more = {}, epoch, from, true
while #out < limit and more do
  local page = redis.call('XRANGE', log, next_seq + 1, '+', 'COUNT', limit)
  more = #page == limit
  for _, entry in ipairs(page) do
    local seq, its_epoch = string.match(entry[1], '(%d+)-(%d+)')
    next_epoch, next_seq = tonumber(its_epoch), tonumber(seq)
    if covers(intervals, next_seq) then out[#out + 1] = entry end
    if #out == limit then break end
  end
end
if limit > 0 and #out < limit then next_epoch, next_seq = head_epoch, head_seq end
return {'ok', next_epoch, next_seq, head_epoch, head_seq, 0, member_after(next_seq), out}
)lua";

// user, device, first bind (0, 1), access -> head epoch, head seq, cursor epoch, cursor seq, member
inline const std::string kStateScript = kMailboxWords + R"lua(
local field = 'c' .. ARGV[1] .. ':' .. ARGV[2]
local have = redis.call('HMGET', box, 'head_epoch', 'head_seq', field)
local head_epoch, head_seq, cursor = number(have[1]), number(have[2]), have[3]
if ARGV[3] == '1' and head_seq > 0 and not cursor then
  cursor = head_epoch .. ' ' .. head_seq
  redis.call('HSET', box, field, cursor)
end
local epoch, seq = string.match(cursor or '0 0', '(%d+) (%d+)')
local member = ARGV[4] == '1' or (ARGV[4] == 'g' and is_member(intervals_of(ARGV[1])))
return {head_epoch, head_seq, tonumber(epoch), tonumber(seq), member and 1 or 0}
)lua";

// user, device, epoch, seq
inline const std::string kCursorScript = kMailboxWords + R"lua(
local field = 'c' .. ARGV[1] .. ':' .. ARGV[2]
local epoch, seq = tonumber(ARGV[3]), tonumber(ARGV[4])
local have = redis.call('HMGET', box, 'head_seq', 'runs', field)
-- A position that is not in this log was lost with its entry; to believe it would skip the entry
-- that is there now.
if seq == 0 or seq > number(have[1]) or epoch_at(have[2], seq) ~= epoch then return 0 end
if seq <= number(string.match(have[3] or '', '%d+$')) then return 0 end
redis.call('HSET', box, field, epoch .. ' ' .. seq)
return 1
)lua";

// -> members version, members
inline const std::string kMembersScript = kMailboxWords + R"lua(
return {number(redis.call('HGET', box, 'members_version')), list_members()}
)lua";

// Keys person, index. name -> the user's devices that were opened
inline const std::string kIndexScript = R"lua(
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then
  redis.call('ZADD', KEYS[2], redis.call('HINCRBY', KEYS[1], 'version', 1), ARGV[1])
end
local devices = {}
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(field, 1, 1) == 'd' then devices[#devices + 1] = string.sub(field, 2) end
end
return devices
)lua";

// Keys person, index. device -> opened before (0, 1), index version, names, oldest first
inline const std::string kPersonScript = R"lua(
local have = redis.call('HMGET', KEYS[1], 'd' .. ARGV[1], 'version')
return {have[1] and 1 or 0, tonumber(have[2] or '0'), redis.call('ZRANGE', KEYS[2], 0, -1)}
)lua";

}  // namespace imroute::cluster
