-- Forgets journal entries that Postgres has. An entry's id names its hold (see reserve.lua): after a lost suffix no
-- other entry comes under it.
--
-- KEYS  1 journal stream
-- ARGV  entry ids
-- Returns how many entries went.

return redis.call('XDEL', KEYS[1], unpack(ARGV))
