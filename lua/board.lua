-- Everything that still stands on the board of notices, oldest first.
-- KEYS[1]  the board, as post.lua leaves it
-- ARGV[1]  how many notices to give at most
-- Gives {time in ms, notice, time in ms, notice, …}.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local members = redis.call('ZRANGE', KEYS[1], -ARGV[1], -1, 'WITHSCORES')
local standing = {}
for i = 1, #members, 2 do
  local expiry, notice = string.match(members[i], '^(%d+):(.*)$')
  if expiry and tonumber(expiry) > now then
    standing[#standing + 1] = members[i + 1]
    standing[#standing + 1] = notice
  end
end
return standing
