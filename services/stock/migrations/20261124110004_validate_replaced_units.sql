-- migrate:up

-- By itself: this reads the whole table, under a lock that lets everybody write.
ALTER TABLE reservation_draw VALIDATE CONSTRAINT reservation_draw_returned_within;
ALTER TABLE reservation_draw VALIDATE CONSTRAINT reservation_draw_replaced_within;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
