-- migrate:up

-- Who commits a sale's journal: whoever holds a lease whose deadline, by this database's clock, has not passed. A
-- replica that sleeps or is cut off loses it within seconds, which a session's lock would not do.
CREATE TABLE lease (
    name      text         PRIMARY KEY,
    holder    uuid         NOT NULL,
    deadline  timestamptz  NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON lease TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
