-- migrate:up

-- stocktake_result_of_lot keeps them apart, and says of lines without lots the same as this did.
-- squawk-ignore ban-drop-constraint
ALTER TABLE stocktake_result DROP CONSTRAINT stocktake_result_pkey;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
