-- Everything that must agree with Postgres, at one instant: what is free, and what is on its way there.
--
-- KEYS  1 gate  2 free  3 holds  4 journal  (as in reserve.lua)
-- ARGV  1 most entries of the journal that are looked at  2... ids of holds and extensions to look up
-- Returns {armed, epoch, seq, '1' when the journal has every entry of this epoch from its oldest on, free as sku, units,
--       ..., granted holds in the journal, pairs: id, record of each of those holds and ids that has one}; nothing when
--       the journal is longer.

if redis.call('XLEN', KEYS[4]) > tonumber(ARGV[1]) then
    return {}
end
local gate = redis.call('HMGET', KEYS[1], 'armed', 'epoch', 'seq')
local epoch, seq = gate[2] or '0', tonumber(gate[3] or '0')
local granted, asked, unbroken, last = {}, {}, '1', nil
for _, entry in ipairs(redis.call('XRANGE', KEYS[4], '-', '+')) do
    local fields, values = entry[2], {}
    for index = 1, #fields, 2 do
        values[fields[index]] = fields[index + 1]
    end
    if values['epoch'] == epoch then
        local number = tonumber(values['seq'])
        if last and number ~= last + 1 then
            unbroken = '0'
        end
        last = number
    end
    if values['outcome'] == '1' then
        granted[#granted + 1] = values['hold']
        asked[#asked + 1] = values['hold']
    end
end
if last and last ~= seq then
    unbroken = '0'
end
for index = 2, #ARGV do
    asked[#asked + 1] = ARGV[index]
end
local records = {}
for _, id in ipairs(asked) do
    local record = redis.call('HGET', KEYS[3], id)
    if record then
        records[#records + 1] = id
        records[#records + 1] = record
    end
end
return {gate[1] or '0', epoch, tostring(seq), unbroken, redis.call('HGETALL', KEYS[2]), granted, records}
