-- Applies a batch and stores the position of its sink.
--
-- KEYS: the position, the versions of keys
-- ARGV: token expected, token to store, 1 to forget what was refused,
--       where the items came from: "topic's number or 0,offset;" for each,
--       number of topics, for each: topic, next offset;
--       for each run of items that have the same commands:
--       number of items, how many of the batch's own each stands for,
--       number of arguments of each,
--       number of commands, where each of them ends,
--       number of arguments that are not the same for all, which ones,
--       the arguments of the first item, behind the last command the key of its version
--       and the version, if it has one,
--       for each item: the arguments that are not the same for all
--
-- Whatever can fail as a whole comes before the first write.
local KEYS, ARGV = KEYS, ARGV
local head = redis.call('HMGET', KEYS[1], 'token', 'refused')
local have = head[1] or ''
if have == ARGV[2] then return {'done', head[2] or '[]'} end
if have ~= ARGV[1] then return {'moved', have} end
redis.call('HLEN', KEYS[2])
local refused = {}
if ARGV[3] ~= '1' and head[2] then refused = cjson.decode(head[2]) end
local before = #refused

local topics, at = {}, 6
redis.call('HSET', KEYS[1], 'token', ARGV[2])
for t = 1, tonumber(ARGV[5]) do
  topics[t] = ARGV[at]
  redis.call('HSET', KEYS[1], 'next:' .. ARGV[at], ARGV[at + 1])
  at = at + 2
end

local origins
local function origin(item)
  if not origins then
    origins = {}
    for topic, offset in string.gmatch(ARGV[4], '(%d+),(-?%d+);') do
      origins[#origins + 1] = {topics[tonumber(topic)] or '', offset}
    end
  end
  return origins[item + 1]
end

local function numbers()
  local list = {}
  for i = 1, tonumber(ARGV[at]) do list[i] = tonumber(ARGV[at + i]) end
  at = at + 1 + #list
  return list
end

-- Applies the commands of an item, and returns why one is refused.
local pcall, unpack, type, most = redis.pcall, unpack, type, 4000
local function run(args, ends)
  local from = 1
  for c = 1, #ends do
    local to = ends[c]
    if to - from >= most then
      return 'ERR a command of ' .. to - from + 1 .. ' arguments: a script can pass ' .. most
    end
    local answer = pcall(unpack(args, from, to))
    if type(answer) == 'table' and answer.err then return answer.err end
    from = to + 1
  end
end

local item, last = 0, #ARGV
local function refuse(count, reason)
  for i = item, item + count - 1 do
    local from = origin(i)
    refused[#refused + 1] = {ARGV[2], tostring(i), from[1], from[2], reason}
  end
end

while at <= last do
  local count, share, size = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  at = at + 3
  local ends, places, args = numbers(), numbers(), {}
  local versioned = size > (ends[#ends] or 0)
  local plain = #ends == 1 and size <= most and not versioned
  for i = 1, size do args[i] = ARGV[at + i - 1] end
  at = at + size
  for _ = 1, count do
    for p = 1, #places do
      args[places[p]] = ARGV[at]
      at = at + 1
    end
    local reason, found
    if plain then
      local answer = pcall(unpack(args))
      if type(answer) == 'table' then reason = answer.err end
    else
      if versioned then found = redis.call('HGET', KEYS[2], args[size - 1]) end
      if not found or tonumber(found) <= tonumber(args[size]) then
        reason = run(args, ends)
        if versioned and not reason then redis.call('HSET', KEYS[2], args[size - 1], args[size]) end
      end
    end
    if reason then refuse(share, reason) end
    item = item + share
  end
end
if #refused == 0 then
  if head[2] then redis.call('HDEL', KEYS[1], 'refused') end
  return {'applied', '[]'}
end
local noted = cjson.encode(refused)
if #refused ~= before or ARGV[3] == '1' then redis.call('HSET', KEYS[1], 'refused', noted) end
return {'applied', noted}
