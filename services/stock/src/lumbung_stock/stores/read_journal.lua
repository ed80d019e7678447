-- Reads the oldest entries of a journal.
--
-- KEYS  1 journal stream
-- ARGV  1 how many at most
-- Returns pairs: entry id, fields.

return redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1])
