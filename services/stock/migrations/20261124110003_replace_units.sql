-- migrate:up

-- Units sent to the customer in place of those that were wrong. They may come back too, as may what they replaced.
ALTER TABLE reservation_draw ADD COLUMN replaced bigint NOT NULL DEFAULT 0;

-- A customer has what was shipped and what replaced it, less what came back: never below 0, and never more than twice
-- what was bought, while what was wrong is on its way back.
-- The bound is widened, and nobody counts on less.
-- squawk-ignore ban-drop-constraint
ALTER TABLE reservation_draw DROP CONSTRAINT reservation_draw_returned_within;
ALTER TABLE reservation_draw
    ADD CONSTRAINT reservation_draw_returned_within CHECK (returned BETWEEN 0 AND quantity + replaced) NOT VALID;
ALTER TABLE reservation_draw
    ADD CONSTRAINT reservation_draw_replaced_within CHECK (replaced BETWEEN 0 AND quantity + returned) NOT VALID;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
