-- Gives units back to the gate that Postgres has taken back already: once per hold, since the hold's record goes.
--
-- KEYS  1 gate  2 free  3 holds  4 customers  (as in reserve.lua)
-- ARGV  1 epoch  2... hold ids
-- Returns how many holds were credited, or -1 when the gate is not armed under this epoch: a recovery under way
-- reads Postgres itself, so a credit meanwhile would be lost or doubled. Ask again later.

local gate = redis.call('HMGET', KEYS[1], 'armed', 'epoch')
if gate[1] ~= '1' or gate[2] ~= ARGV[1] then
    return -1
end
local credited = 0
for index = 2, #ARGV do
    local record = redis.call('HGET', KEYS[3], ARGV[index])
    if record then
        local hold = cjson.decode(record)
        redis.call('HDEL', KEYS[3], ARGV[index])
        for _, draw in ipairs(hold[2]) do
            redis.call('HINCRBY', KEYS[2], draw[1], draw[2])
            if draw[3] then
                redis.call('HINCRBY', KEYS[4], hold[1] .. '\n' .. draw[1], -draw[2])
            end
        end
        credited = credited + 1
    end
end
return credited
