// The directory's scripts. A user is a hash: `version`, and per device `d<device>` with the words
//   state node incarnation link generation reserved type app client_version
// (state 0: only reserved, 1 online, 2 offline). Numbers that may exceed 2^53 (incarnation, link)
// are compared as text; generations are counted and stay far below it. The key `generation` holds
// the highest that was given out.
#pragma once

#include <string>

namespace imroute::cluster {

inline const std::string kDirectoryWords = R"lua(
local STATE, NODE, INCARNATION, LINK, GENERATION, RESERVED, TYPE = 1, 2, 3, 4, 5, 6, 7
local NONE, ONLINE, OFFLINE, NO_NODE = '0', '1', '2', '4294967295'
local user = KEYS[1]
local function words(text)
  local out = {}
  for word in string.gmatch(text, '%S+') do out[#out + 1] = word end
  return out
end
local function digits(number) return string.format('%.0f', number) end
local function at_most(a, b) return #a < #b or (#a == #b and a <= b) end
local function next_version(before)
  local time = redis.call('TIME')
  return digits(math.max(time[1] * 1000000 + time[2], before + 1))
end
)lua";

// Keys user, generation. device, seen, most devices -> generation: never one that the device had,
// also when Redis evicted its row (above all that were given out then), or lost what was written
// last or everything (above the clock's seconds: numbers rise by one a login, and begin there).
inline const std::string kReserveScript = kDirectoryWords + R"lua(
local field = 'd' .. ARGV[1]
local highest = tonumber(redis.call('GET', KEYS[2]) or '0')
local clock = tonumber(redis.call('TIME')[1])
local text = redis.call('HGET', user, field)
if not text then
  if redis.call('HLEN', user) - redis.call('HEXISTS', user, 'version') >= tonumber(ARGV[3]) then
    return redis.error_reply('FULL no room for another device')
  end
  text = '0 4294967295 0 0 0 ' .. digits(highest) .. ' 0 0 0'
end
local row = words(text)
local generation = math.max(tonumber(row[GENERATION]), tonumber(row[RESERVED]), tonumber(ARGV[2]),
                            clock) + 1
row[RESERVED] = digits(generation)
redis.call('HSET', user, field, table.concat(row, ' '))
-- What a device claims to have seen concerns only itself: a few more than anybody was given, or a
-- kick made of it, is for all.
local known = math.min(generation, math.max(highest, clock) + 8)
if known > highest then redis.call('SET', KEYS[2], digits(known)) end
return row[RESERVED]
)lua";

// device, most devices, which client types conflict, row (words above; reserved is ours)
//   -> result (0 ok, 1 superseded), generation, record, losers; the latter as HGETALL
inline const std::string kBindScript = kDirectoryWords + R"lua(
local record = redis.call('HGETALL', user)
local rows, devices, version = {}, {}, 0
for i = 1, #record, 2 do
  if record[i] == 'version' then
    version = tonumber(record[i + 1])
  else
    rows[record[i]] = words(record[i + 1])
    devices[#devices + 1] = record[i]
  end
end
local mine, conflicting, new = 'd' .. ARGV[1], ARGV[3], words(ARGV[4])
local old = rows[mine]
if not old and #devices >= tonumber(ARGV[2]) then
  return redis.error_reply('FULL no room for another device')
end
old = old or {NONE, NO_NODE, '0', '0', '0', '0', '0', '0', '0'}
local bound = old[STATE] ~= NONE
local same_place = old[NODE] == new[NODE] and old[LINK] == new[LINK]
-- The same session, said again: perhaps under a later incarnation of its node.
local repeated = bound and same_place and old[GENERATION] == new[GENERATION] and
  at_most(old[INCARNATION], new[INCARNATION])
if tonumber(old[GENERATION]) >= tonumber(new[GENERATION]) and not repeated then
  return {1, old[GENERATION], record, {}}
end
local losers = {}
if bound and old[NODE] ~= NO_NODE and not repeated and
   not (same_place and old[INCARNATION] == new[INCARNATION]) then
  losers = {mine, table.concat(old, ' ')}
end
for _, device in ipairs(devices) do
  local row = rows[device]
  local type = tonumber(row[TYPE]) + 1
  if device ~= mine and row[STATE] == ONLINE and string.sub(conflicting, type, type) == '1' then
    losers[#losers + 1] = device
    losers[#losers + 1] = table.concat(row, ' ')
    -- One more than its session holds: a session check finds the loser though DISPLACE was lost.
    row[STATE] = OFFLINE
    row[GENERATION] = digits(tonumber(row[GENERATION]) + 1)
    row[RESERVED] = digits(math.max(tonumber(row[RESERVED]), tonumber(row[GENERATION])))
    redis.call('HSET', user, device, table.concat(row, ' '))
  end
end
new[STATE] = ONLINE
new[RESERVED] = digits(math.max(tonumber(old[RESERVED]), tonumber(new[GENERATION])))
redis.call('HSET', user, mine, table.concat(new, ' '), 'version', next_version(version))
return {0, new[GENERATION], redis.call('HGETALL', user), losers}
)lua";

// device, generation, incarnation, link -> result (0 ok, 2 mismatch), generation, record
inline const std::string kUnbindScript = kDirectoryWords + R"lua(
local field = 'd' .. ARGV[1]
local text = redis.call('HGET', user, field)
local row = text and words(text)
if not row or row[STATE] == NONE then return {2, 0, {}} end
if row[GENERATION] ~= ARGV[2] or row[INCARNATION] ~= ARGV[3] or row[LINK] ~= ARGV[4] then
  return {2, row[GENERATION], {}}
end
if row[STATE] == ONLINE then
  row[STATE] = OFFLINE
  redis.call('HSET', user, field, table.concat(row, ' '), 'version',
             next_version(tonumber(redis.call('HGET', user, 'version') or '0')))
end
return {0, row[GENERATION], redis.call('HGETALL', user)}
)lua";

}  // namespace imroute::cluster
