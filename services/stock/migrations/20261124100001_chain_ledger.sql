-- migrate:up

-- Every entry carries a hash over itself and the hash before it, so that nobody changes, removes or puts in an entry of the
-- past unseen, the database's owner neither (docs/decisions/0042). A trigger makes it: whoever may insert cannot leave it
-- out, and versions of the service that know nothing of it chain their entries all the same.
ALTER TABLE ledger_head
    ADD COLUMN chained      bigint       NOT NULL DEFAULT 0,
    ADD COLUMN hash         bytea        NOT NULL DEFAULT '\x',
    ADD COLUMN record_time  timestamptz;
ALTER TABLE ledger_entry ADD COLUMN hash bytea;

-- A text with its length before it: whatever it contains, two different rows give two different texts.
CREATE FUNCTION netstring(content text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN octet_length(coalesce(content, '')) || ':' || coalesce(content, '') || ',';

-- Microseconds since 1970, as a whole number.
CREATE FUNCTION microseconds(moment timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN trunc(extract(epoch FROM moment) * 1000000)::bigint::text;

-- The form that is hashed begins with its version. domain/ledger_chain.py has the same, for whoever reads an export.
CREATE FUNCTION ledger_hash(before bytea, entry ledger_entry) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN sha256(before || convert_to(
    netstring('1') || netstring(entry.warehouse_code) || netstring(entry.sequence::text)
    || netstring(entry.sku_code) || netstring(entry.quantity::text) || netstring(entry.from_place)
    || netstring(entry.to_place) || netstring(entry.kind::text) || netstring(entry.reason)
    || netstring(entry.document) || netstring(entry.reservation_id::text) || netstring(entry.actor)
    || netstring(entry.request_id) || netstring(microseconds(entry.record_time))
    || netstring(microseconds(entry.effective_time)), 'UTF8'));

-- As the owner: the service's role may not write a hash itself.
CREATE FUNCTION chain_ledger_entry() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE ledger_head
       SET hash = ledger_hash(hash, NEW), chained = NEW.sequence, record_time = NEW.record_time
     WHERE warehouse_code = NEW.warehouse_code AND chained = NEW.sequence - 1
    RETURNING hash INTO NEW.hash;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'entry % of % does not follow the last one', NEW.sequence, NEW.warehouse_code
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;

-- What is there already is chained as it stands.
DO $$
DECLARE
    entry ledger_entry;
    link  bytea;
    past  text := NULL;
BEGIN
    LOCK TABLE ledger_entry IN SHARE ROW EXCLUSIVE MODE;
    FOR entry IN SELECT * FROM ledger_entry ORDER BY warehouse_code, sequence LOOP
        IF past IS DISTINCT FROM entry.warehouse_code THEN
            link := '\x';
            past := entry.warehouse_code;
        END IF;
        link := ledger_hash(link, entry);
        UPDATE ledger_entry SET hash = link
         WHERE warehouse_code = entry.warehouse_code AND sequence = entry.sequence;
        UPDATE ledger_head SET hash = link, chained = entry.sequence, record_time = entry.record_time
         WHERE warehouse_code = entry.warehouse_code;
    END LOOP;
END
$$;

CREATE TRIGGER ledger_entry_chained BEFORE INSERT ON ledger_entry
    FOR EACH ROW EXECUTE FUNCTION chain_ledger_entry();

-- Heads as they were at some moment, so that a tail that was cut off together with its head is noticed. Each is also logged.
CREATE TABLE ledger_seal (
    warehouse_code  text         NOT NULL REFERENCES warehouse,
    sequence        bigint       NOT NULL,
    hash            bytea        NOT NULL,
    seal_time       timestamptz  NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (warehouse_code, sequence)
);

REVOKE INSERT, UPDATE ON ledger_head FROM lumbung_stock;
GRANT INSERT (warehouse_code), UPDATE (sequence) ON ledger_head TO lumbung_stock;
GRANT SELECT, INSERT ON ledger_seal TO lumbung_stock;
GRANT EXECUTE ON FUNCTION netstring, microseconds, ledger_hash TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
