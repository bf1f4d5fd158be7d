-- The work failed or was given up: gives the lease back and wakes everybody, while it is still ours.
-- KEYS[1]  the lease
-- ARGV[1]  our token
-- ARGV[2]  the channel of wake-ups
-- ARGV[3]  the wake-up for a failure
-- Gives 1 when it was ours, 0 when it was not.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1
