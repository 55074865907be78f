"""What must happen in Redis at once or not at all, in Lua.

All keys share the hash tag of the prefix, so they lie in one slot and a script may compute names of keys. Times are
Redis' own (TIME): the clocks of machines need not agree.

    {p}:lease:NODE     hash url, load, players, fence; expires      the node is there
    {p}:nodes          zset NODE -> load                            where to make a room
    {p}:open:KEY       zset ROOM -> free seats not spoken for       what a quick match fills; KEY: game and options
    {p}:published:NODE hash ROOM -> KEY                             what to take off the list
    {p}:coming:ROOM    zset TICKET -> when it expires, ms           seats spoken for
    {p}:ticket:TICKET  ROOM; expires                                redeemed once, by the owner
    {p}:code:CODE      ROOM; expires                                private rooms
    {p}:user:USER      hash NODE -> ROOM; expires                   who is where

A lease carries a fence, a number that only grows: a process that was stopped for so long that another took its name
may not write any more under the older one.
"""

#: KEYS: prefix. ARGV: node, fence, lease ms, url, load, players, codes, users, then room, key, free seats for each room
REPORT = """
local p, node, fence, lease_ms = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local lease = p .. ':lease:' .. node
local held = tonumber(redis.call('HGET', lease, 'fence') or fence)
if held > fence then return 0 end
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', lease, 'fence', fence, 'url', ARGV[4], 'load', ARGV[5], 'players', ARGV[6])
redis.call('PEXPIRE', lease, lease_ms)
redis.call('ZADD', p .. ':nodes', ARGV[5], node)
local published = p .. ':published:' .. node
local before = redis.call('HGETALL', published)
redis.call('PEXPIRE', published, 10 * lease_ms)
local now = {}
local codes, users = tonumber(ARGV[7]), tonumber(ARGV[8])
local at = 9
for _ = 1, codes do
  redis.call('SET', p .. ':code:' .. ARGV[at], ARGV[at + 1], 'PX', lease_ms)
  at = at + 2
end
for _ = 1, users do
  redis.call('HSET', p .. ':user:' .. ARGV[at], node, ARGV[at + 1])
  redis.call('PEXPIRE', p .. ':user:' .. ARGV[at], lease_ms)
  at = at + 2
end
while at < #ARGV do
  local room, key, free = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local coming = p .. ':coming:' .. room
  redis.call('ZREMRANGEBYSCORE', coming, '-inf', now_ms)
  redis.call('ZADD', p .. ':open:' .. key, free - redis.call('ZCARD', coming), room)
  redis.call('HSET', published, room, key)
  now[room] = true
  at = at + 3
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
return 1
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
      redis.call('HSET', p .. ':published:' .. node, room, key)
    end
    return {room, node, url}
  end
  redis.call('ZREM', p .. ':nodes', node)
end
return nil
"""

#: KEYS: prefix. ARGV: ticket. Returns the room that it is for, once.
REDEEM = """
local p = KEYS[1]
local room = redis.call('GETDEL', p .. ':ticket:' .. ARGV[1])
if room then redis.call('ZREM', p .. ':coming:' .. room, ARGV[1]) end
return room
"""

#: KEYS: prefix. ARGV: node, fence. Takes a node that goes in an orderly way off every list.
LEAVE = """
local p, node = KEYS[1], ARGV[1]
local lease = p .. ':lease:' .. node
if tonumber(redis.call('HGET', lease, 'fence') or ARGV[2]) > tonumber(ARGV[2]) then return 0 end
local published = redis.call('HGETALL', p .. ':published:' .. node)
for i = 1, #published, 2 do redis.call('ZREM', p .. ':open:' .. published[i + 1], published[i]) end
redis.call('DEL', lease, p .. ':published:' .. node)
redis.call('ZREM', p .. ':nodes', node)
return 1
"""
