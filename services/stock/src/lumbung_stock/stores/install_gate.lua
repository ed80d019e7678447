-- Writes a part of the gate's state out of Postgres. The first part clears what was there before; several parts
-- make the whole, in whatever order, since a sale may have a hundred thousand holds.
--
-- KEYS  1 gate  2 free  3 requests  4 holds  5 customers  (as in reserve.lua)
-- ARGV  1 epoch  2 '1' for the first part
--       3, 4, 5 how many values of each of these follow; at most some thousand
--         free units   pairs: sku, units
--         holds        pairs: hold id, value
--         requests     pairs: request id, value
--       then pairs to the end: customer key, units of theirs in this part
-- Returns 1, or 0 when the gate is armed or another epoch has it.

local gate = redis.call('HMGET', KEYS[1], 'armed', 'epoch')
if gate[1] == '1' or gate[2] ~= ARGV[1] then
    return 0
end
if ARGV[2] == '1' then
    redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4], KEYS[5])
end
local index = 6
for place, key in ipairs({KEYS[2], KEYS[4], KEYS[3]}) do
    local count = tonumber(ARGV[2 + place])
    if count > 0 then
        redis.call('HSET', key, unpack(ARGV, index, index + count - 1))
        index = index + count
    end
end
while index <= #ARGV do
    redis.call('HINCRBY', KEYS[5], ARGV[index], ARGV[index + 1])
    index = index + 2
end
return 1
