-- Reads the oldest entries of a journal.
--
-- KEYS  1 journal stream
-- ARGV  1 how many at most  2 the entry behind which they begin; '' for the very first
-- Returns pairs: entry id, fields.

local first = ARGV[2] == '' and '-' or '(' .. ARGV[2]
return redis.call('XRANGE', KEYS[1], first, '+', 'COUNT', ARGV[1])
