-- migrate:up

-- A code's characters are kept with those that look like them (O and 0; l, I and 1), so that codes that people take for
-- each other are found by the same index. The version before this one writes the column as it was: what it creates
-- meanwhile is compared with new codes by case, punctuation and swapped characters, as before, unless it has such ones.
update sku
set
    code_characters = coalesce(
        (
            select string_agg(one, '' order by one collate "C")
            from
                regexp_split_to_table(
                    translate(regexp_replace(lower(sku_code), '[^a-z0-9]', '', 'g'), 'oli', '011'), ''
                ) as one
        ),
        ''
    )
where code_characters ~ '[oli]';

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
