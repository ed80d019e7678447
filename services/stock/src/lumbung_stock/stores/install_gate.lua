-- Writes a part of the gate's state out of Postgres. The first part clears what was there before; several parts
-- make the whole, since a sale may have a hundred thousand holds.
--
-- KEYS  1 gate  2 free  3 requests  4 holds  5 customers  (as in reserve.lua)
-- ARGV  1 epoch  2 '1' for the first part  3 number of free units that follow
--       then pairs: sku, free units
--       then sixes, one for each sku of each unresolved reservation: hold id, request value, request id,
--       hold value, customer key ('' without a limit), units
-- Returns 1, or 0 when the gate is armed or another epoch has it.

local gate = redis.call('HMGET', KEYS[1], 'armed', 'epoch')
if gate[1] == '1' or gate[2] ~= ARGV[1] then
    return 0
end
if ARGV[2] == '1' then
    redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4], KEYS[5])
end
local index = 4
for _ = 1, tonumber(ARGV[3]) do
    redis.call('HSET', KEYS[2], ARGV[index], ARGV[index + 1])
    index = index + 2
end
while index <= #ARGV do
    redis.call('HSET', KEYS[4], ARGV[index], ARGV[index + 3])
    redis.call('HSET', KEYS[3], ARGV[index + 2], ARGV[index + 1])
    if ARGV[index + 4] ~= '' then
        redis.call('HINCRBY', KEYS[5], ARGV[index + 4], ARGV[index + 5])
    end
    index = index + 6
end
return 1
