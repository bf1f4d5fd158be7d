-- The work is done: stores it, gives the lease back and wakes everybody, in one step and only while the lease is still ours.
-- KEYS[1]    the lease
-- KEYS[2]    the mark that a publication leaves behind, so that a late claim knows to look once more
-- KEYS[3..]  where the parts go
-- ARGV[1]    our token
-- ARGV[2]    the channel of wake-ups
-- ARGV[3]    the wake-up for a publication
-- ARGV[4]    the wake-up for a failure
-- ARGV[5]    how long the mark lives, in ms
-- ARGV[6]    how long the parts live, in ms
-- ARGV[7..]  the parts
-- Gives 1 when stored, 0 when fenced off, -1 when the server has no room: then the lease is given back all the same.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
local stored = true
for i = 3, #KEYS do
  local answer = redis.pcall('SET', KEYS[i], ARGV[i + 4], 'PX', ARGV[6])
  if type(answer) == 'table' and answer.err then
    stored = false
    break
  end
end
if stored then
  redis.pcall('SET', KEYS[2], '1', 'PX', ARGV[5])
end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[2], stored and ARGV[3] or ARGV[4])
return stored and 1 or -1
