-- migrate:up

create table effect (
    position bigint constraint effect_once primary key,
    note text not null constraint effect_note_not_empty check (note <> '')
);
grant select, insert, update, delete on effect to lumbung_kit_test;

-- migrate:down
