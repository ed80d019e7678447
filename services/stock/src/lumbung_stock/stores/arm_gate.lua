-- Opens a sale's gate once everything is installed.
--
-- KEYS  1 gate hash
-- ARGV  1 epoch
-- Returns 1 when the gate is armed under this epoch, 0 when another epoch has it.

if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then
    return 0
end
redis.call('HSET', KEYS[1], 'armed', '1', 'seq', 0)
return 1
