-- name: load_skus
-- Whole SKUs by their exact codes, in one statement.
select * from sku_whole where sku_code = any(%(codes)s)

-- name: lock_skus
-- Keeps others from changing these SKUs until the end of the transaction. Always in order of code, so that two
-- transactions never wait for each other.
select sku_code from sku where sku_code = any(%(codes)s) order by sku_code for no key update

-- name: lock_versions
-- The same, saying what was locked.
select sku_code, version, state from sku where sku_code = any(%(codes)s) order by sku_code for no key update

-- name: change_skus
-- Many SKUs at once, each one version further. Without a recipe_version the recipe stays.
update sku
set
    name = new.name, weight_g = new.weight_g, length_mm = new.length_mm, width_mm = new.width_mm,
    height_mm = new.height_mm, volume_ml = new.volume_ml, fast_mover = new.fast_mover, name_marks = new.name_marks,
    name_signature = new.name_signature, name_letter_count = new.name_letter_count,
    lot_tracking = new.lot_tracking, shelf_life_days_min = new.shelf_life_days_min,
    recipe_version = coalesce(new.recipe_version, sku.recipe_version), version = sku.version + 1, update_time = now()
from jsonb_to_recordset(%(rows)s) as new (
    sku_code text, name text, weight_g bigint, length_mm bigint, width_mm bigint, height_mm bigint, volume_ml bigint,
    fast_mover boolean, lot_tracking smallint, shelf_life_days_min integer, name_marks text, name_signature bit(128),
    name_letter_count integer, recipe_version integer
)
where sku.sku_code = new.sku_code

-- name: lock_components
-- Keeps components from being retired while a recipe that names them is written; two recipes may do so at once.
-- Taken after the lock on the bundle; a component's own changes lock no bundle, so nobody waits in a circle.
select
    sku.sku_code, sku.kind, sku.state, coalesce(recipe.level, 0) as level,
    (
        select coalesce(jsonb_agg(jsonb_build_array(part.code, part.quantity) order by part.code), '[]')
        from (
            select draw_code as code, quantity
            from recipe_draw
            where recipe_draw.sku_code = sku.sku_code and recipe_draw.version = sku.recipe_version
            union all
            select component_code, quantity
            from recipe_component
            where
                recipe.level = 1
                and recipe_component.sku_code = sku.sku_code
                and recipe_component.version = sku.recipe_version
        ) as part
    ) as draws
from sku
left join recipe on recipe.sku_code = sku.sku_code and recipe.version = sku.recipe_version
where sku.sku_code = any(%(codes)s)
order by sku.sku_code
for share of sku

-- name: standings_of
-- The same without a lock, for what only recipes can change while those are locked.
select
    sku.sku_code, sku.kind, sku.state, coalesce(recipe.level, 0) as level,
    (
        select coalesce(jsonb_agg(jsonb_build_array(part.code, part.quantity) order by part.code), '[]')
        from (
            select draw_code as code, quantity
            from recipe_draw
            where recipe_draw.sku_code = sku.sku_code and recipe_draw.version = sku.recipe_version
            union all
            select component_code, quantity
            from recipe_component
            where
                recipe.level = 1
                and recipe_component.sku_code = sku.sku_code
                and recipe_component.version = sku.recipe_version
        ) as part
    ) as draws
from sku
left join recipe on recipe.sku_code = sku.sku_code and recipe.version = sku.recipe_version
where sku.sku_code = any(%(codes)s)

-- name: standings
-- Kind and state of SKUs whatever the letter case in which a file writes them.
select
    sku.sku_code, sku.kind, sku.state, coalesce(recipe.level, 0) as level,
    (
        select coalesce(jsonb_agg(jsonb_build_array(part.code, part.quantity) order by part.code), '[]')
        from (
            select draw_code as code, quantity
            from recipe_draw
            where recipe_draw.sku_code = sku.sku_code and recipe_draw.version = sku.recipe_version
            union all
            select component_code, quantity
            from recipe_component
            where
                recipe.level = 1
                and recipe_component.sku_code = sku.sku_code
                and recipe_component.version = sku.recipe_version
        ) as part
    ) as draws
from sku
left join recipe on recipe.sku_code = sku.sku_code and recipe.version = sku.recipe_version
where lower(sku.sku_code) = any(%(folded_codes)s)

-- name: insert_skus
-- Those whose code or combination is taken are left out of the answer; waits for a concurrent insert of the same.
insert into sku (
    sku_code, product_code, name, options, option_key, kind, base_unit, weight_g, length_mm, width_mm, height_mm,
    volume_ml, fast_mover, lot_tracking, shelf_life_days_min, recipe_version, code_characters, name_marks,
    name_signature, name_letter_count
)
select
    sku_code, product_code, name, options, option_key, kind, base_unit, weight_g, length_mm, width_mm, height_mm,
    volume_ml, fast_mover, lot_tracking, shelf_life_days_min, recipe_version, code_characters, name_marks,
    name_signature, name_letter_count
from jsonb_to_recordset(%(rows)s) as new (
    sku_code text, product_code text, name text, options jsonb, option_key text, kind smallint, base_unit text,
    weight_g bigint, length_mm bigint, width_mm bigint, height_mm bigint, volume_ml bigint, fast_mover boolean,
    lot_tracking smallint, shelf_life_days_min integer, recipe_version integer, code_characters text, name_marks text,
    name_signature bit(128), name_letter_count integer
)
on conflict do nothing
returning sku_code

-- name: clash
-- Why a SKU could not be inserted: the SKU that has its code, or else its combination.
select sku_code, lower(sku_code) = lower(%(sku_code)s) as same_code
from sku
where
    lower(sku_code) = lower(%(sku_code)s)
    or (product_code = %(product_code)s and option_key = %(option_key)s)
order by same_code desc
limit 1

-- name: option_owners
-- Which combinations of some products are taken, and by whom.
select product_code, option_key, sku_code from sku where product_code = any(%(product_codes)s)

-- name: insert_units
insert into sku_unit (sku_code, unit_code, base_quantity)
select sku_code, unit_code, base_quantity
from jsonb_to_recordset(%(rows)s) as new (sku_code text, unit_code text, base_quantity bigint)

-- name: delete_unit
delete from sku_unit where sku_code = %(sku_code)s and unit_code = %(unit_code)s

-- name: touch
-- Units and barcodes belong to the SKU: changing them makes a new version of it.
update sku set version = version + 1, update_time = now() where sku_code = %(sku_code)s

-- name: update_description
update sku
set
    name = %(name)s, weight_g = %(weight_g)s, length_mm = %(length_mm)s, width_mm = %(width_mm)s,
    height_mm = %(height_mm)s, volume_ml = %(volume_ml)s, fast_mover = %(fast_mover)s,
    lot_tracking = %(lot_tracking)s, shelf_life_days_min = %(shelf_life_days_min)s,
    name_marks = %(name_marks)s, name_signature = %(name_signature)s::bit(128),
    name_letter_count = %(name_letter_count)s, version = version + 1, update_time = now()
where sku_code = %(sku_code)s

-- name: correct
update sku
set
    product_code = %(product_code)s, options = %(options)s, option_key = %(option_key)s, base_unit = %(base_unit)s,
    version = version + 1, update_time = now()
where sku_code = %(sku_code)s

-- name: retire
update sku
set state = 2, retire_time = now(), retire_reason = %(reason)s, version = version + 1, update_time = now()
where sku_code = %(sku_code)s

-- name: reinstate
update sku
set state = 1, retire_time = null, retire_reason = '', version = version + 1, update_time = now()
where sku_code = %(sku_code)s

-- name: set_recipe_versions
update sku
set recipe_version = new.recipe_version, version = sku.version + 1, update_time = now()
from unnest(%(sku_codes)s::text[], %(versions)s::integer[]) as new (sku_code, recipe_version)
where sku.sku_code = new.sku_code

-- name: list_skus
-- One page in order of code. Filters that are null let everything pass.
select *
from sku_whole
where
    sku_code > %(after_code)s
    and (%(product_code)s::text is null or product_code = %(product_code)s)
    and (%(kind)s::smallint is null or kind = %(kind)s)
    and (%(state)s::smallint is null or state = %(state)s)
order by sku_code
limit %(limit)s

-- name: search_skus
-- One page, best first: 0 for exact code or barcode, 1 for the beginning of the code, 2 for words anywhere. Each rank is
-- sought by an index of its own and gives no more than a page. Words that are not there are `%`.
with exact as materialized (
    select sku_code
    from sku
    where lower(sku_code) = lower(%(query)s)
    union
    select sku_code
    from barcode
    where barcode_key = any(%(barcode_keys)s)
),

ranked as (
    (
        select sku_code, 0 as rank
        from sku
        where
            sku_code in (select exact.sku_code from exact)
            and (%(state)s::smallint is null or state = %(state)s)
    )
    union all
    (
        select sku_code, 1 as rank
        from sku
        where
            lower(sku_code) like %(prefix)s
            and %(after_rank)s <= 1
            and (%(after_rank)s < 1 or sku_code > %(after_code)s)
            and (%(state)s::smallint is null or state = %(state)s)
            and sku_code not in (select exact.sku_code from exact)
        order by sku_code
        limit %(limit)s
    )
    union all
    (
        select sku_code, 2 as rank
        from sku
        where
            lower((sku_code || ' ' || name) collate "default") like %(word_1)s
            and lower((sku_code || ' ' || name) collate "default") like %(word_2)s
            and lower((sku_code || ' ' || name) collate "default") like %(word_3)s
            and lower((sku_code || ' ' || name) collate "default") like %(word_4)s
            and lower((sku_code || ' ' || name) collate "default") like %(word_5)s
            and lower((sku_code || ' ' || name) collate "default") like %(word_6)s
            and lower((sku_code || ' ' || name) collate "default") like %(word_7)s
            and lower((sku_code || ' ' || name) collate "default") like %(word_8)s
            and lower(sku_code) not like %(prefix)s
            and (%(after_rank)s < 2 or sku_code > %(after_code)s)
            and (%(state)s::smallint is null or state = %(state)s)
            and sku_code not in (select exact.sku_code from exact)
        order by sku_code
        limit %(limit)s
    )
)

select ranked.rank, sku_whole.*
from ranked
join sku_whole using (sku_code)
where (ranked.rank, ranked.sku_code) > (%(after_rank)s, %(after_code)s)
order by ranked.rank, ranked.sku_code
limit %(limit)s

-- name: hold_look_alikes
-- SKUs that look alike share their code's characters or their name's marks, so whoever creates either takes the same
-- lock. In order of number, so that two transactions never wait for each other.
select pg_advisory_xact_lock(hashtext(current_schema() || '.look_alikes'), held.number)
from (
    select distinct mod(mod(hashtext(text), %(group_count)s) + %(group_count)s, %(group_count)s) as number
    from unnest(%(groups)s::text[]) as text
    order by number
) as held

-- name: search_misspelt
-- One page of SKUs in which something nearly equals what was typed, nearest first: the rank is 100 and what is missing
-- to 100 of 100. The threshold is that of `tolerate`.
with ranked as (
    select
        sku_code,
        200 - round(100 * word_similarity(lower(%(query)s), lower((sku_code || ' ' || name) collate "default")))::integer
            as rank
    from sku
    where
        lower(%(query)s) <%% lower((sku_code || ' ' || name) collate "default")
        and (%(state)s::smallint is null or state = %(state)s)
),

page as (
    select sku_code, rank
    from ranked
    where (rank, sku_code) > (%(after_rank)s, %(after_code)s)
    order by rank, sku_code
    limit %(limit)s
)

select page.rank, sku_whole.*
from page
join sku_whole using (sku_code)
order by page.rank, page.sku_code

-- name: tolerate
-- How alike two texts must be in this transaction, of 1: one letter wrong in a word of six.
select set_config('pg_trgm.word_similarity_threshold', %(threshold)s, true)

-- name: look_alikes
-- SKUs that might nearly equal new ones: codes of the same characters, or names with the same marks. The rest of the
-- comparison is the domain's. Newest first, so that the limit keeps what somebody is most likely to enter twice.
select sku_code, name, product_code, code_characters
from sku
where
    (code_characters = any(%(code_characters)s) or name_marks = any(%(name_marks)s))
    and sku_code <> all(%(except_codes)s)
order by create_time desc, sku_code
limit %(limit)s

-- name: near
-- SKUs that might nearly equal one: codes of the same characters, or names with the same marks and nearly the same letters.
-- Alike are at least 100 - tolerance of 100, so that of all letters of both names at most `tolerance` of 100 are not in the
-- other; a letter changes at most one bit. Newest first, as for look_alikes.
select candidate.sku_code, candidate.name, candidate.product_code, candidate.code_characters
from (
    select sku_code, name, product_code, code_characters, create_time
    from sku
    where code_characters = %(code_characters)s
    union
    select sku_code, name, product_code, code_characters, create_time
    from sku
    where
        name_marks = %(name_marks)s
        and (
            name_signature is null
            or bit_count(name_signature # %(name_signature)s::bit(128)) * 100
            <= %(tolerance)s * (name_letter_count + %(name_letter_count)s)
        )
) as candidate
where candidate.sku_code <> all(%(except_codes)s)
order by candidate.create_time desc, candidate.sku_code
limit %(limit)s

-- name: lock_unsigned
-- Names that have no signature yet; those that somebody is changing are left for the next time.
select sku_code, name, product_code
from sku
where name_signature is null
order by sku_code
limit %(limit)s
for no key update skip locked

-- name: sign
update sku
set name_signature = new.name_signature, name_letter_count = new.name_letter_count
from jsonb_to_recordset(%(rows)s) as new (sku_code text, name_signature bit(128), name_letter_count integer)
where sku.sku_code = new.sku_code
