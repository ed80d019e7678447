-- Shuts a sale's gate under a new epoch. A freeze that did not take the epoch would let the slower of two
-- recoverers win.
--
-- KEYS  1 gate hash
-- ARGV  1 epoch
-- Returns 1 when the gate is shut under this epoch, 0 when a newer epoch has it.

local present = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
if present > tonumber(ARGV[1]) then
    return 0
end
redis.call('HSET', KEYS[1], 'armed', '0', 'epoch', ARGV[1])
return 1
