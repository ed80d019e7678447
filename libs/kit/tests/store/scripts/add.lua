-- Adds to a counter.
-- KEYS[1] the counter. ARGV[1] how much. Returns {the new value, a text}.
local value = redis.call('INCRBY', KEYS[1], ARGV[1])
return {value, 'ok'}
