-- Opens a sale's gate once everything is installed.
--
-- KEYS  1 gate hash
-- ARGV  1 epoch  2 '1' when every request that was ever answered in this sale has been installed
-- Returns 1 when the gate is armed under this epoch, 0 when another epoch has it. Arming again changes nothing: the
-- journal's numbers must not begin anew under the same epoch.
-- `complete` is the id of this run of the server: who starts anew may have lost what it knew, and a field of the gate
-- alone would come back just as it was.

local gate = redis.call('HMGET', KEYS[1], 'epoch', 'armed')
if gate[1] ~= ARGV[1] then
    return 0
end
if gate[2] ~= '1' then
    local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
    redis.call('HSET', KEYS[1], 'armed', '1', 'seq', 0, 'complete', ARGV[2] == '1' and run or '0')
end
return 1
