-- Forgets journal entries that Postgres has. An entry goes only when it still carries the hold that was
-- committed: after a lost suffix the same ids come again for other holds.
--
-- KEYS  1 journal stream
-- ARGV  pairs, ascending by id: entry id, hold id ('' for an entry without one, which was parked)
-- Returns how many entries went.

local committed = {}
for index = 1, #ARGV, 2 do
    committed[ARGV[index]] = ARGV[index + 1]
end
local gone = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[#ARGV - 1])) do
    local hold, fields = '', entry[2]
    for index = 1, #fields, 2 do
        if fields[index] == 'hold' then
            hold = fields[index + 1]
        end
    end
    if committed[entry[1]] == hold then
        gone[#gone + 1] = entry[1]
    end
end
if #gone == 0 then
    return 0
end
return redis.call('XDEL', KEYS[1], unpack(gone))
