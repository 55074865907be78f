"""What must happen in Redis at once or not at all, in Lua.

All keys share the hash tag of the prefix, so they lie in one slot and a script may compute names of keys. Times are
Redis' own (TIME): the clocks of machines need not agree.

    {p}:lease:NODE     hash url, load, players, rooms, fence; expires   the node is there
    {p}:nodes          zset NODE -> load                            where to make a room
    {p}:open:KEY       zset ROOM -> free seats not spoken for       what a quick match fills; KEY: game and options
    {p}:published:NODE hash ROOM -> KEY                             what to take off the list
    {p}:coming:ROOM    zset TICKET -> when it expires, ms           seats spoken for
    {p}:ticket:TICKET  ROOM; expires                                redeemed once, by the owner
    {p}:code:CODE      ROOM; expires                                private rooms
    {p}:rooms:NODE     when, and rooms as JSON; expires             what is listed of them everywhere
    {p}:user:USER      hash NODE -> ROOM; expires                   who is where
    {p}:seat:GAME USER NUMBER NODE; expires                        who has a user's one seat: the highest number
    {p}:claims         the newest number of a claim to one
    {p}:born           when the first node wrote here, ms: who is not here yet may be about to write
    {p}:seated:NODE    hash ADDRESS -> players; expires             what a node has in {p}:addresses
    {p}:addresses      zset ADDRESS -> players of all nodes         who may not have more
    {p}:bans           hash WHO -> ban as JSON                      a lifted one stays until it would have ended
    {p}:bans_version   text                                         another one after each change

A lease carries a fence, a number that only grows: a process that was stopped for so long that another took its name
may not write any more under the older one.
"""

#: takes a node off every list, as it goes or when its lease has ended; or off the lists alone, where it may be stuck
_BURY = """
local function delist(p, node)
  local published, seated = p .. ':published:' .. node, p .. ':seated:' .. node
  local rooms = redis.call('HGETALL', published)
  for i = 1, #rooms, 2 do redis.call('ZREM', p .. ':open:' .. rooms[i + 1], rooms[i]) end
  local groups = redis.call('HGETALL', seated)
  for i = 1, #groups, 2 do redis.call('ZINCRBY', p .. ':addresses', -groups[i + 1], groups[i]) end
  redis.call('DEL', published, seated)
  redis.call('ZREM', p .. ':nodes', node)
end
local function bury(p, node)
  delist(p, node)
  redis.call('DEL', p .. ':lease:' .. node)
end
"""

#: hears a claim to a user's one seat, as core/one_seats.py does; gives the higher one of another node, if there is one.
#: Who loses by it hears so at once where it listens, and else with its next report. Numbers are text: cjson keeps 14
#: digits of one.
_TAKE = """
local function take(p, seat, number, node, lease_ms)
  local key = p .. ':seat:' .. seat
  local held, holder = string.match(redis.call('GET', key) or '', '^(%d+) (%w+)$')
  local mine, theirs = tonumber(number), tonumber(held or 0)
  local is_higher = theirs > mine or (theirs == mine and holder and holder > node)
  if is_higher and holder == node then number = held end
  if is_higher and holder ~= node and redis.call('EXISTS', p .. ':lease:' .. holder) == 1 then
    return held .. ' ' .. holder
  end
  redis.call('SET', key, number .. ' ' .. node, 'PX', lease_ms)
  if holder and holder ~= node then
    redis.call('PUBLISH', p .. ':all', cjson.encode({from = node, seat = {seat, number .. ' ' .. node}}))
  end
  return nil
end
"""

#: KEYS: prefix. ARGV: a node's state as JSON (redis_directory.py, `report`). Returns JSON: what it should know of all
REPORT = (
    _BURY
    + _TAKE
    + """
local p, told = KEYS[1], cjson.decode(ARGV[1])
local node, fence, lease_ms = told.node, told.fence, told.lease_ms
local lease = p .. ':lease:' .. node
if tonumber(redis.call('HGET', lease, 'fence') or fence) > fence then return cjson.encode({fenced = true}) end
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', lease, 'fence', fence, 'url', told.url, 'load', told.load)
redis.call('HSET', lease, 'players', told.players, 'rooms', told.rooms)
redis.call('PEXPIRE', lease, lease_ms)
redis.call('ZADD', p .. ':nodes', told.load, node)
redis.call('SET', p .. ':born', now_ms, 'NX')

for code, room in pairs(told.codes) do redis.call('SET', p .. ':code:' .. code, room, 'PX', lease_ms) end
for user, room in pairs(told.users) do
  redis.call('HSET', p .. ':user:' .. user, node, room)
  redis.call('PEXPIRE', p .. ':user:' .. user, lease_ms)
end
for _, user in ipairs(told.gone) do redis.call('HDEL', p .. ':user:' .. user, node) end

local lost = {}
for seat, number in pairs(told.seats_ended) do
  local key = p .. ':seat:' .. seat
  if redis.call('GET', key) == number .. ' ' .. node then redis.call('DEL', key) end
end
for seat, number in pairs(told.seats) do lost[seat] = take(p, seat, number, node, lease_ms) end

for _, row in ipairs(told.arrived) do redis.call('ZREM', p .. ':coming:' .. row[1], row[2]) end

local published = p .. ':published:' .. node
local before, now = redis.call('HGETALL', published), {}
for _, row in ipairs(told.open) do
  local room, key, free = row[1], row[2], row[3]
  local coming, open = p .. ':coming:' .. room, p .. ':open:' .. key
  redis.call('ZREMRANGEBYSCORE', coming, '-inf', now_ms)
  redis.call('ZADD', open, free - redis.call('ZCARD', coming), room)
  redis.call('PEXPIRE', open, 10 * lease_ms)
  redis.call('HSET', published, room, key)
  now[room] = true
end
for i = 1, #before, 2 do
  local room, key = before[i], before[i + 1]
  local coming = p .. ':coming:' .. room
  redis.call('ZREMRANGEBYSCORE', coming, '-inf', now_ms)
  if not now[room] and redis.call('ZCARD', coming) == 0 then
    redis.call('ZREM', p .. ':open:' .. key, room)
    redis.call('HDEL', published, room)
  end
end
redis.call('PEXPIRE', published, 10 * lease_ms)

local seated, addresses = p .. ':seated:' .. node, p .. ':addresses'
local counted = redis.call('HGETALL', seated)
for i = 1, #counted, 2 do
  if not told.addresses[counted[i]] then
    redis.call('ZINCRBY', addresses, -counted[i + 1], counted[i])
    redis.call('HDEL', seated, counted[i])
  end
end
for group, count in pairs(told.addresses) do
  local more = count - tonumber(redis.call('HGET', seated, group) or 0)
  if more ~= 0 then
    redis.call('ZINCRBY', addresses, more, group)
    redis.call('HSET', seated, group, count)
  end
end
redis.call('PEXPIRE', seated, 10 * lease_ms)
redis.call('PEXPIRE', addresses, 10 * lease_ms)

local nodes, rooms = {}, 0
for _, name in ipairs(redis.call('ZRANGE', p .. ':nodes', 0, -1)) do
  local facts = redis.call('HMGET', p .. ':lease:' .. name, 'url', 'load', 'players', 'rooms')
  if facts[1] then
    rooms = rooms + facts[4]
    nodes[#nodes + 1] = {name, facts[1], tonumber(facts[2]), tonumber(facts[3]), tonumber(facts[4])}
  else
    bury(p, name)
  end
end
redis.call('ZREMRANGEBYSCORE', addresses, '-inf', 0)
local crowded = redis.call('ZRANGEBYSCORE', addresses, told.address_max, '+inf', 'LIMIT', 0, 1000)
local bans = redis.call('GET', p .. ':bans_version') or ''
local now_us = string.format('%.0f', time[1] * 1000000 + time[2])
return cjson.encode({nodes = nodes, rooms = rooms, crowded = crowded, lost = lost, bans = bans, now_us = now_us})
"""
)

#: KEYS: prefix. ARGV: bans as a JSON array of rows, the newest of each who counts; a name for what comes of it. Returns
#: that name, or the older one where nothing changed, and all rows.
MERGE_BANS = """
local p, now_s = KEYS[1], tonumber(redis.call('TIME')[1])
local bans, version = p .. ':bans', p .. ':bans_version'
local is_changed = redis.call('EXISTS', version) == 0
for _, row in ipairs(cjson.decode(ARGV[1])) do
  local key = row.by .. ' ' .. row.who
  local held = redis.call('HGET', bans, key)
  if row.until_unix_s > now_s and (not held or cjson.decode(held).at_unix_s < row.at_unix_s) then
    redis.call('HSET', bans, key, cjson.encode(row))
    is_changed = true
  end
end
local rows, all, last_s = {}, redis.call('HGETALL', bans), 0
for i = 1, #all, 2 do
  local until_s = cjson.decode(all[i + 1]).until_unix_s
  if until_s > now_s then rows[#rows + 1] = all[i + 1] else redis.call('HDEL', bans, all[i]) end
  last_s = math.max(last_s, until_s)
end
if #rows > 0 then redis.call('EXPIREAT', bans, string.format('%.0f', math.ceil(last_s))) end
if is_changed then redis.call('SET', version, ARGV[2]) end
return {redis.call('GET', version), rows}
"""

#: KEYS: prefix. ARGV: key, seats of a new room, ticket, ticket ms, id for a new room, whether it must be a new one (1)
PLACE = """
local p, key, seats, ticket, ticket_ms, fresh = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), ARGV[5]
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local open = p .. ':open:' .. key
local function url_of(node) return redis.call('HGET', p .. ':lease:' .. node, 'url') end
local function coming(room)
  redis.call('ZADD', p .. ':coming:' .. room, now_ms + ticket_ms, ticket)
  redis.call('PEXPIRE', p .. ':coming:' .. room, 10 * ticket_ms)
  redis.call('SET', p .. ':ticket:' .. ticket, room, 'PX', ticket_ms)
end
if ARGV[6] ~= '1' then
  while true do
    local room = redis.call('ZRANGEBYSCORE', open, 1, '+inf', 'LIMIT', 0, 1)[1]
    if not room then break end
    local node = string.match(room, '^(%w+)-')
    local url = node and url_of(node)
    if url then
      redis.call('ZINCRBY', open, -1, room)
      coming(room)
      return {room, node, url}
    end
    redis.call('ZREM', open, room)
  end
end
for _, node in ipairs(redis.call('ZRANGE', p .. ':nodes', 0, -1)) do
  local url = url_of(node)
  if url then
    local room = node .. '-' .. fresh
    redis.call('ZINCRBY', p .. ':nodes', 0.001, node)
    coming(room)
    if ARGV[6] ~= '1' then
      redis.call('ZADD', open, seats - 1, room)
      redis.call('PEXPIRE', open, 10 * ticket_ms)
      redis.call('HSET', p .. ':published:' .. node, room, key)
    end
    return {room, node, url}
  end
  redis.call('ZREM', p .. ':nodes', node)
end
return nil
"""

#: KEYS: prefix. ARGV: a one seat. Returns a number for a claim to it, and the node that has it now with its URL, if any
SEEK = """
local p = KEYS[1]
local time = redis.call('TIME')
local newest = tonumber(redis.call('GET', p .. ':claims') or 0)
local number = string.format('%.0f', math.max(time[1] * 1000000 + time[2], newest + 1))
redis.call('SET', p .. ':claims', number)
local holder = string.match(redis.call('GET', p .. ':seat:' .. ARGV[1]) or '', ' (%w+)$')
local url = holder and redis.call('HGET', p .. ':lease:' .. holder, 'url')
return url and {number, holder, url} or {number}
"""

#: KEYS: prefix. ARGV: a one seat, number, node, fence, lease ms. Returns the claim that is higher, if there is one.
TAKE = (
    _TAKE
    + """
local p, node = KEYS[1], ARGV[3]
if tonumber(redis.call('HGET', p .. ':lease:' .. node, 'fence') or ARGV[4]) > tonumber(ARGV[4]) then return nil end
return take(p, ARGV[1], ARGV[2], node, ARGV[5])
"""
)

#: KEYS: prefix. ARGV: ticket. Returns the room that it is for, once. Its seat is spoken for until the owner reports the
#: player as seated: a report that was made before, and comes after this, does not know of the player.
REDEEM = """
return redis.call('GETDEL', KEYS[1] .. ':ticket:' .. ARGV[1])
"""

#: KEYS: prefix. ARGV: node, fence, whether its lease is kept (1). Takes a node that goes, or has gone, off every list.
LEAVE = (
    _BURY
    + """
local p, node = KEYS[1], ARGV[1]
if tonumber(redis.call('HGET', p .. ':lease:' .. node, 'fence') or ARGV[2]) > tonumber(ARGV[2]) then return 0 end
if ARGV[3] == '1' then delist(p, node) else bury(p, node) end
return 1
"""
)

#: KEYS: prefix. ARGV: "node" or "code", which. Returns where it is, empty where that is not known, and the age of the
#: board, ms.
LOOK_UP = """
local p = KEYS[1]
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local found
if ARGV[1] == 'node' then
  found = redis.call('HGET', p .. ':lease:' .. ARGV[2], 'url')
else
  found = redis.call('GET', p .. ':code:' .. ARGV[2])
end
return {found or '', now_ms - tonumber(redis.call('GET', p .. ':born') or now_ms)}
"""
