-- Adds units to a gate that Postgres has added already: once for each extension, since its id is kept among the
-- holds, as one that has nothing to give back.
--
-- KEYS  1 gate  2 free  3 holds  (as in reserve.lua)
-- ARGV  1 epoch  2... triples: extension id, sku, units
-- Returns how many extensions were new, or -1 when the gate is not armed under this epoch: a recovery under way
-- reads Postgres itself. Ask again later.

local gate = redis.call('HMGET', KEYS[1], 'armed', 'epoch')
if gate[1] ~= '1' or gate[2] ~= ARGV[1] then
    return -1
end
local new = 0
for index = 2, #ARGV, 3 do
    if redis.call('HSETNX', KEYS[3], ARGV[index], '["",[]]') == 1 then
        redis.call('HINCRBY', KEYS[2], ARGV[index + 1], ARGV[index + 2])
        new = new + 1
    end
end
return new
