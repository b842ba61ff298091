-- Applies a batch and stores the position of its sink.
--
-- KEYS: the position, the versions of keys
-- ARGV: token expected, token to store, 1 to forget what was refused,
--       where the items came from: "topic's number or 0,offset;" for each,
--       number of topics, for each: topic, next offset;
--       for each item: 0, key of its version, version if it has one, and its commands:
--       number of arguments, negated if the item has another command, arguments
--
-- Whatever can fail as a whole comes before the first write.
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

local pcall, most = redis.pcall, 4000
local item, last = 0, #ARGV
local apply, reason, fence, version = true, nil, nil, nil
while at <= last do
  local n = tonumber(ARGV[at])
  if n == 0 then
    fence, version = ARGV[at + 1], ARGV[at + 2]
    local found = redis.call('HGET', KEYS[2], fence)
    apply = not found or tonumber(found) <= tonumber(version)
    at = at + 3
    n = tonumber(ARGV[at])
  end
  local size = n < 0 and -n or n
  if apply and not reason then
    if size > most then
      reason = 'ERR a command of ' .. size .. ' arguments: a script can pass ' .. most
    else
      local answer = pcall(unpack(ARGV, at + 1, at + size))
      if type(answer) == 'table' and answer.err then reason = answer.err end
    end
  end
  at = at + 1 + size
  if n > 0 then
    if reason then
      local from = origin(item)
      refused[#refused + 1] = {ARGV[2], tostring(item), from[1], from[2], reason}
    elseif apply and fence then
      redis.call('HSET', KEYS[2], fence, version)
    end
    apply, reason, fence = true, nil, nil
    item = item + 1
  end
end
if #refused == 0 then
  if head[2] then redis.call('HDEL', KEYS[1], 'refused') end
  return {'applied', '[]'}
end
local noted = cjson.encode(refused)
if #refused ~= before or ARGV[3] == '1' then redis.call('HSET', KEYS[1], 'refused', noted) end
return {'applied', noted}
