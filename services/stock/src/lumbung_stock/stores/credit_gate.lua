-- Gives units back to the gate that Postgres has taken back already: the hold keeps just what is named, nothing of
-- a hold that was given up. What a hold has here never grows, so a credit that comes twice, or behind a later one,
-- gives nothing back. A hold without a record took no units of this gate (Valkey lost it, or a recovery did not
-- install it), or has given back all of them.
--
-- KEYS  1 gate  2 free  3 holds  4 customers  (as in reserve.lua)
-- ARGV  1 epoch  2... pairs: hold id, what it keeps as JSON {sku: units}
-- Returns how many holds were known, or -1 when the gate is not armed under this epoch: a recovery under way
-- reads Postgres itself, so a credit meanwhile would be lost or doubled. Ask again later.

local gate = redis.call('HMGET', KEYS[1], 'armed', 'epoch')
if gate[1] ~= '1' or gate[2] ~= ARGV[1] then
    return -1
end
local known = 0
for index = 2, #ARGV, 2 do
    local record = redis.call('HGET', KEYS[3], ARGV[index])
    if record then
        local hold, kept, left = cjson.decode(record), cjson.decode(ARGV[index + 1]), {}
        for _, draw in ipairs(hold[2]) do
            local keeps = math.min(draw[2], kept[draw[1]] or 0)
            local back = draw[2] - keeps
            if back > 0 then
                redis.call('HINCRBY', KEYS[2], draw[1], back)
                if draw[3] then
                    redis.call('HINCRBY', KEYS[4], hold[1] .. '\n' .. draw[1], -back)
                end
            end
            if keeps > 0 then
                left[#left + 1] = {draw[1], keeps, draw[3]}
            end
        end
        if #left > 0 then
            redis.call('HSET', KEYS[3], ARGV[index], cjson.encode({hold[1], left}))
        else
            redis.call('HDEL', KEYS[3], ARGV[index])
        end
        known = known + 1
    end
end
return known
