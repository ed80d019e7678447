-- Refuses many carts that want more than is left, in one step, and writes them into the journal as one entry.
-- Each is judged by what the gate has now: one that could be served is left alone.
--
-- KEYS  1 gate  2 free  3 requests  4 customers  5 journal  (as in reserve.lua)
-- ARGV  1 epoch  2 most entries in the journal  3 tail of the entry's id  4 hold ids (one of each cart, by comma)
--       5 bodies (one of each cart, by newline)  6 number of SKUs, then these SKUs
--       then for each cart: request id, content hash, hold id, customer, number of triples, and these triples:
--       index of the SKU, units, limit per customer (0: none)
-- Returns {available, {outcome, hold id}, ...}, or {} when the gate is not armed under this epoch. Outcomes
-- as in reserve.lua, and 0 when the cart was left alone. A request seen before gets its first answer: {outcome, hold id}.
-- The entry's `outcomes` has a 0 for each cart that is not in it. The number of calls depends on nothing.

local LEFT_ALONE, OUT_OF_STOCK, LIMIT_REACHED, REQUEST_REUSED, JOURNAL_FULL = 0, 2, 3, 5, 6

local gate = redis.call('HMGET', KEYS[1], 'armed', 'epoch', 'seq')
if gate[1] ~= '1' or gate[2] ~= ARGV[1] then
    return {}
end

local skus, next_argument = {}, 7
for _ = 1, tonumber(ARGV[6]) do
    skus[#skus + 1] = ARGV[next_argument]
    next_argument = next_argument + 1
end
local carts, requests, customers = {}, {}, {}
while next_argument <= #ARGV do
    local cart = {first = #customers + 1, triples = {}, at = next_argument}
    requests[#requests + 1] = ARGV[next_argument]
    for index = 1, tonumber(ARGV[next_argument + 4]) do
        local at = next_argument + 2 + 3 * index
        local sku = tonumber(ARGV[at])
        cart.triples[index] = {sku, tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])}
        customers[#customers + 1] = ARGV[next_argument + 3] .. '\n' .. skus[sku]
    end
    next_argument = next_argument + 5 + 3 * #cart.triples
    carts[#carts + 1] = cart
end

local seen = redis.call('HMGET', KEYS[3], unpack(requests))
local free = redis.call('HMGET', KEYS[2], unpack(skus))
local bought = redis.call('HMGET', KEYS[4], unpack(customers))
local full = redis.call('XLEN', KEYS[5]) >= tonumber(ARGV[2])

local function judged(cart)
    local outcome = LEFT_ALONE
    for index, triple in ipairs(cart.triples) do
        local has = tonumber(free[triple[1]] or '0')
        local had = tonumber(bought[cart.first + index - 1] or '0')
        if triple[3] > 0 and had + triple[2] > triple[3] then
            return LIMIT_REACHED
        elseif has < triple[2] then
            outcome = OUT_OF_STOCK
        end
    end
    return outcome
end

local function first_answer(stored, content)
    local hash, outcome, hold = string.match(stored, '^([^|]*)|([^|]*)|([^|]*)$')
    if hash ~= content then
        return {REQUEST_REUSED}
    end
    return {tonumber(outcome), hold}
end

local answers, outcomes, remembered, new = {}, {}, {}, {}
for index, cart in ipairs(carts) do
    local request, content, hold = ARGV[cart.at], ARGV[cart.at + 1], ARGV[cart.at + 2]
    local stored = seen[index] or new[request]
    outcomes[index] = LEFT_ALONE
    if stored then
        answers[index] = first_answer(stored, content)
    else
        local outcome = judged(cart)
        if outcome == LEFT_ALONE then
            answers[index] = {LEFT_ALONE}
        elseif full then
            answers[index] = {JOURNAL_FULL}
        else
            new[request] = content .. '|' .. outcome .. '|' .. hold
            answers[index], outcomes[index] = {outcome, hold}, outcome
            remembered[#remembered + 1] = request
            remembered[#remembered + 1] = new[request]
        end
    end
end

local available = {}
for index, sku in ipairs(skus) do
    available[index] = sku .. '=' .. (free[index] or '0')
end
available = table.concat(available, ',')
if #remembered > 0 then
    local seq = tonumber(gate[3] or '0') + 1
    local id = string.format('%.0f', 2 ^ 51 + tonumber(ARGV[1]) * 2 ^ 31 + seq) .. '-' .. ARGV[3]
    redis.call('XADD', KEYS[5], id, 'epoch', ARGV[1], 'seq', seq, 'holds', ARGV[4],
        'outcomes', table.concat(outcomes, ','), 'available', available, 'body', ARGV[5])
    redis.call('HSET', KEYS[3], unpack(remembered))
    redis.call('HSET', KEYS[1], 'seq', seq)
end
return {available, unpack(answers)}
