-- Applies a batch and stores the position of its sink.
--
-- KEYS: the position, the versions of keys
-- ARGV: token expected, token to store, 1 to forget what was refused,
--       number of topics, for each: topic, next offset;
--       for each item: topic's number or 0, offset, key of the version or '', version,
--       number of commands, for each: number of arguments, arguments
local head = redis.call('HMGET', KEYS[1], 'token', 'refused')
local have = head[1] or ''
if have == ARGV[2] then return {'done', head[2] or '[]'} end
if have ~= ARGV[1] then return {'moved', have} end

local topics, at = {}, 5
redis.call('HSET', KEYS[1], 'token', ARGV[2])
for t = 1, tonumber(ARGV[4]) do
  topics[t] = ARGV[at]
  redis.call('HSET', KEYS[1], 'next:' .. ARGV[at], ARGV[at + 1])
  at = at + 2
end

local refused = {}
if ARGV[3] ~= '1' and head[2] then refused = cjson.decode(head[2]) end
local before = #refused
local item, last = 0, #ARGV
while at <= last do
  local topic, offset, fence, version, commands = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4])
  at = at + 5
  local apply, reason = true, nil
  if fence ~= '' then
    local found = redis.call('HGET', KEYS[2], fence)
    apply = not found or tonumber(found) <= tonumber(version)
  end
  for _ = 1, commands do
    local n = tonumber(ARGV[at])
    if apply and not reason then
      local answer = redis.pcall(unpack(ARGV, at + 1, at + n))
      if type(answer) == 'table' and answer.err then reason = answer.err end
    end
    at = at + 1 + n
  end
  if reason then
    refused[#refused + 1] = {ARGV[2], tostring(item), topics[tonumber(topic)] or '', offset, reason}
  elseif apply and fence ~= '' then
    redis.call('HSET', KEYS[2], fence, version)
  end
  item = item + 1
end
if #refused == 0 then
  redis.call('HDEL', KEYS[1], 'refused')
  return {'applied', '[]'}
end
local noted = cjson.encode(refused)
if #refused ~= before or ARGV[3] == '1' then redis.call('HSET', KEYS[1], 'refused', noted) end
return {'applied', noted}
