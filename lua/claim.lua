-- Who does the work: the first to ask gets the lease, everybody else hears how long it still lives.
-- KEYS[1]  the lease
-- KEYS[2]  the mark that a publication leaves behind
-- ARGV[1]  our token, which nobody else has: it is the fence
-- ARGV[2]  how long the lease lives without renewal, in ms
-- Gives {1, lately} when it is ours, where lately is 1 when somebody published a moment ago; {0, ms} when it is another's.
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return {1, redis.call('EXISTS', KEYS[2])}
end
return {0, redis.call('PTTL', KEYS[1])}
