-- migrate:up

-- A sale whose database has lost commits takes no reservations until a person has looked.
ALTER TABLE flash_sale ADD COLUMN halted_since timestamptz;

-- Only ever counts up. A number below one that was committed before is a database that has lost commits: a standby
-- that was promoted without the last of them, or an older backup. The id tells this database from any other.
CREATE TABLE ledger_mark (
    only_row   boolean  PRIMARY KEY DEFAULT true CHECK (only_row),
    ledger_id  uuid     NOT NULL DEFAULT gen_random_uuid(),
    number     bigint   NOT NULL CHECK (number >= 0)
);

INSERT INTO ledger_mark (number) VALUES (0);

GRANT SELECT, UPDATE ON ledger_mark TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
