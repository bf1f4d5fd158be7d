-- The work takes longer: lets the lease live on while it is still ours.
-- KEYS[1]  the lease
-- ARGV[1]  our token
-- ARGV[2]  how long it lives from now on, in ms
-- Gives 1 when it was ours, 0 when it was not: ran out, taken over, or lost with the server.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
