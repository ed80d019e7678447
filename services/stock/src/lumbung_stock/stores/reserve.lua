-- Takes units for one cart, all or none, and writes the decision into the sale's journal, in one step.
--
-- KEYS  1 gate   hash    armed, epoch, seq
--       2 free   hash    sku -> units that the gate may still give
--       3 requests hash  request id -> content hash|outcome|hold id
--       4 holds  hash    hold id -> {customer, {{sku, units, limited}, ...}}
--       5 customers hash customer \n sku -> units held or bought
--       6 journal stream epoch, seq, hold, outcome, available (sku=units,...), body; ids as below
--       all under one hash tag: a sale lives on one shard
-- ARGV  1 epoch  2 request id  3 content hash  4 hold id  5 customer  6 body (opaque, for the committer)
--       7 most entries in the journal
--       8 '1' when this answer is the last word; '0' when the sale has other pools to ask: then a refusal for want
--         of units leaves no trace here, or the request would keep it wherever it is granted
--       9 tail of the entry's id: a number drawn from the hold's id
--       10 '1' when a hold is answered without waiting for Postgres: then it is told what the gate knows, too
--       11... triples: sku, units, limit per customer (0: none)
--
-- Returns {outcome, hold id, complete, available}, just {outcome} when nothing was decided; outcomes as in
-- journal_codec.Outcome:
--       1 HELD  2 OUT_OF_STOCK  3 LIMIT_REACHED  4 NOT_ARMED (or another epoch)  5 REQUEST_REUSED  6 JOURNAL_FULL
-- A request seen before gets its first answer: {outcome, first hold id}. `complete` is '1' while the gate knows every
-- request that was ever answered in this sale: then this is the request's first answer. It is asked only of a hold that
-- does not wait for Postgres.
-- Nothing is written before everything was checked, since an error midway keeps what was written, and the journal
-- comes first: an entry without units does no harm, units without an entry would be lost until somebody misses them. The
-- number of calls does not depend on the cart.

local HELD, OUT_OF_STOCK, LIMIT_REACHED, NOT_ARMED, REQUEST_REUSED, JOURNAL_FULL = 1, 2, 3, 4, 5, 6

local gate = redis.call('HMGET', KEYS[1], 'armed', 'epoch', 'seq', 'complete')
if gate[1] ~= '1' or gate[2] ~= ARGV[1] then
    return {NOT_ARMED}
end

local seen = redis.call('HGET', KEYS[3], ARGV[2])
if seen then
    local hash, outcome, hold = string.match(seen, '^([^|]*)|([^|]*)|([^|]*)$')
    if hash ~= ARGV[3] then
        return {REQUEST_REUSED}
    end
    return {tonumber(outcome), hold}
end

if redis.call('XLEN', KEYS[6]) >= tonumber(ARGV[7]) then
    return {JOURNAL_FULL}
end

local skus, units, limits, customers = {}, {}, {}, {}
for index = 11, #ARGV, 3 do
    skus[#skus + 1] = ARGV[index]
    units[#units + 1] = tonumber(ARGV[index + 1])
    limits[#limits + 1] = tonumber(ARGV[index + 2])
    customers[#customers + 1] = ARGV[5] .. '\n' .. ARGV[index]
end

local free = redis.call('HMGET', KEYS[2], unpack(skus))
local bought = redis.call('HMGET', KEYS[5], unpack(customers))
local outcome, available, free_after, bought_after, drawn = HELD, {}, {}, {}, {}
for index = 1, #skus do
    local has = tonumber(free[index] or '0')
    local had = tonumber(bought[index] or '0')
    available[index] = skus[index] .. '=' .. has
    if limits[index] > 0 and had + units[index] > limits[index] then
        outcome = LIMIT_REACHED
    elseif has < units[index] and outcome == HELD then
        outcome = OUT_OF_STOCK
    end
    free_after[#free_after + 1] = skus[index]
    free_after[#free_after + 1] = has - units[index]
    if limits[index] > 0 then
        bought_after[#bought_after + 1] = customers[index]
        bought_after[#bought_after + 1] = had + units[index]
    end
    drawn[index] = {skus[index], units[index], limits[index] > 0}
end

if outcome == OUT_OF_STOCK and ARGV[8] ~= '1' then
    return {OUT_OF_STOCK}
end
-- An entry's id names its hold, so that it can be forgotten by id alone: after a lost suffix the same numbers come
-- again, with another tail. They grow with epoch and seq, and lie above any that a clock gives.
local seq = tonumber(gate[3] or '0') + 1
local id = string.format('%.0f', 2 ^ 51 + tonumber(ARGV[1]) * 2 ^ 31 + seq) .. '-' .. ARGV[9]
available = table.concat(available, ',')
redis.call('XADD', KEYS[6], id, 'epoch', ARGV[1], 'seq', seq, 'hold', ARGV[4], 'outcome', outcome,
    'available', available, 'body', ARGV[6])
if outcome == HELD then
    redis.call('HSET', KEYS[2], unpack(free_after))
    redis.call('HSET', KEYS[4], ARGV[4], cjson.encode({ARGV[5], drawn}))
    if #bought_after > 0 then
        redis.call('HSET', KEYS[5], unpack(bought_after))
    end
end
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3] .. '|' .. outcome .. '|' .. ARGV[4])
redis.call('HSET', KEYS[1], 'seq', seq)
-- Who answers at once asks what the gate still knows, and it knows all only in the run of the server that armed it.
local complete = outcome == HELD and ARGV[10] == '1' and gate[4] and gate[4] ~= '0'
    and gate[4] == string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
return {outcome, ARGV[4], complete and '1' or '0', available}
