-- migrate:up

-- Which letters a name has, as far as 128 bits tell, and how many: names that are alike differ in few bits
-- (domain/similarity.py). Null: written by the version before this one, or not signed yet; such a name is looked at whatever
-- it is.
alter table sku
add column name_signature bit(128),
add column name_letter_count integer;

-- A signature is of its name. Whoever changes the name and knows nothing of signatures leaves none.
create function forget_name_signature() returns trigger language plpgsql as $$
begin
    if new.name_signature is not distinct from old.name_signature then
        new.name_signature := null;
        new.name_letter_count := null;
    end if;
    return new;
end
$$;

create trigger sku_name_changed
before update of name on sku
for each row
when (new.name is distinct from old.name)
execute function forget_name_signature();

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
