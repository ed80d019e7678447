-- migrate:up

-- How a stocktake came to its state, only ever added to: who took each step, when and why. States as in stocktake.
CREATE TABLE stocktake_step (
    stocktake_id  uuid         NOT NULL REFERENCES stocktake,
    position      bigint       GENERATED ALWAYS AS IDENTITY,
    state         smallint     NOT NULL,
    round         smallint     NOT NULL,
    step_time     timestamptz  NOT NULL DEFAULT clock_timestamp(),
    actor         text         NOT NULL,
    request_id    text         NOT NULL,
    reason        text         NOT NULL,
    PRIMARY KEY (stocktake_id, position),
    CONSTRAINT stocktake_step_state_known CHECK (state BETWEEN 1 AND 5)
);

-- Of counts from before, what they know: who opened and who ended them. Who began their rounds was not kept.
INSERT INTO stocktake_step (stocktake_id, state, round, step_time, actor, request_id, reason)
SELECT stocktake_id, 1, 1, open_time, actor, '', '' FROM stocktake;
INSERT INTO stocktake_step (stocktake_id, state, round, step_time, actor, request_id, reason)
SELECT stocktake_id, state, round, end_time, end_actor, '', end_reason FROM stocktake WHERE state >= 4;

GRANT SELECT, INSERT ON stocktake_step TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
