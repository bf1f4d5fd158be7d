-- Tells every replica something, and keeps it for those who come later.
-- KEYS[1]  the board: a sorted set of `expiry in ms:notice`, by the time of posting in ms
-- ARGV[1]  the notice
-- ARGV[2]  how long it stays, in ms
-- ARGV[3]  how many notices the board holds
-- ARGV[4]  the channel of notices
-- Gives the time of posting in ms, by the server's clock; no two are the same.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
-- Several in one millisecond keep their order: each is told a little later than the one before.
local last = tonumber(redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]) or 0
if last >= now and last < now + 1000 then
  now = last + 1
end
local now_text = string.format('%.0f', now)
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local expiry, notice = string.match(member, '^(%d+):(.*)$')
  -- The same notice again counts from now.
  if not expiry or tonumber(expiry) <= now or notice == ARGV[1] then
    redis.call('ZREM', KEYS[1], member)
  end
end
redis.call('ZADD', KEYS[1], now_text, string.format('%.0f:', now + ARGV[2]) .. ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[3])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
redis.call('PUBLISH', ARGV[4], now_text .. ':' .. ARGV[1])
return now_text
