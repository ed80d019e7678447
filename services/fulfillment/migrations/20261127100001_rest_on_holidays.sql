-- migrate:up

-- Whether the courier stays away on public holidays, and on days of joint leave (cuti bersama). Schedules that were set
-- before say nothing of it: the courier comes.
alter table pickup_schedule add column rests_on_holidays boolean not null default false;
alter table pickup_schedule add column rests_on_joint_leave boolean not null default false;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
