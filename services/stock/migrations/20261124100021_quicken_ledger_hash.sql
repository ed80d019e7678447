-- migrate:up

-- The same form, five times as fast: bodies that are as immutable as they are said to be are put in the place of their calls
-- (a whole number || a text is not, and neither is a field of an instant), and PL/pgSQL keeps what it made of the rest.
CREATE OR REPLACE FUNCTION netstring(content text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN octet_length(content)::text || ':' || content || ',';

CREATE OR REPLACE FUNCTION microseconds(moment timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (extract(epoch FROM moment - timestamptz '1970-01-01 00:00:00+00') * 1000000)::bigint::text;

CREATE OR REPLACE FUNCTION ledger_hash(before bytea, entry ledger_entry) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN sha256(before || convert_to(
        '1:1,' || netstring(entry.warehouse_code) || netstring(entry.sequence::text)
        || netstring(entry.sku_code) || netstring(entry.quantity::text) || netstring(entry.from_place)
        || netstring(entry.to_place) || netstring(entry.kind::text) || netstring(entry.reason)
        || netstring(entry.document) || netstring(coalesce(entry.reservation_id::text, '')) || netstring(entry.actor)
        || netstring(entry.request_id) || netstring(microseconds(entry.record_time))
        || netstring(microseconds(entry.effective_time)), 'UTF8'));
END
$$;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
