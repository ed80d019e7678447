-- name: upsert_listings
-- Makes or replaces the rules. A stated version that is not the newest leaves its row out of the answer, so that
-- the caller sees it missing and rolls back.
INSERT INTO listing (
    channel_code, listing_ref, sku_code, units_per_item, buffer_quantity, share_percent, cap_quantity, live, updated_by
)
SELECT %(channel_code)s, wanted.listing_ref, wanted.sku_code, wanted.units_per_item, wanted.buffer_quantity,
    wanted.share_percent, wanted.cap_quantity, wanted.live, %(actor)s
FROM unnest(
    %(listing_refs)s::text[], %(sku_codes)s::text[], %(units_per_item)s::bigint[], %(buffer_quantities)s::bigint[],
    %(share_percents)s::bigint[], %(cap_quantities)s::bigint[], %(lives)s::boolean[], %(expected_versions)s::bigint[]
) AS wanted (
    listing_ref, sku_code, units_per_item, buffer_quantity, share_percent, cap_quantity, live, expected_version
)
LEFT JOIN listing AS present
    ON present.channel_code = %(channel_code)s AND present.listing_ref = wanted.listing_ref
WHERE wanted.expected_version IS NULL OR wanted.expected_version = present.row_version
ORDER BY wanted.listing_ref
ON CONFLICT (channel_code, listing_ref) DO UPDATE
SET sku_code = excluded.sku_code, units_per_item = excluded.units_per_item,
    buffer_quantity = excluded.buffer_quantity, share_percent = excluded.share_percent,
    cap_quantity = excluded.cap_quantity, live = excluded.live, row_version = listing.row_version + 1,
    update_time = now(), updated_by = excluded.updated_by
RETURNING *

-- name: lock_channel
-- Makes changes of one channel's listings follow each other, so that etags are judged against what is stored.
SELECT channel_code FROM channel WHERE channel_code = %(channel_code)s FOR NO KEY UPDATE

-- name: count_listings
SELECT count(*) FROM listing WHERE channel_code = %(channel_code)s

-- name: set_pause_mode
UPDATE listing
SET pause_mode = %(pause_mode)s, row_version = row_version + 1, update_time = now(), updated_by = %(actor)s
WHERE channel_code = %(channel_code)s AND listing_ref = %(listing_ref)s
RETURNING *

-- name: delete_listing
DELETE FROM listing WHERE channel_code = %(channel_code)s AND listing_ref = %(listing_ref)s RETURNING listing_ref

-- name: get_listing
SELECT * FROM listing WHERE channel_code = %(channel_code)s AND listing_ref = %(listing_ref)s

-- name: list_listings
SELECT * FROM listing
WHERE (channel_code, listing_ref) > (%(after_channel)s, %(after_ref)s)
    AND (%(channel_code)s = '' OR channel_code = %(channel_code)s)
    AND (%(sku_code)s = '' OR sku_code = %(sku_code)s)
ORDER BY channel_code, listing_ref
LIMIT %(limit)s

-- name: sell
-- What listings of orders sell, and whether their channel's stage takes them.
SELECT wanted.channel_code, wanted.listing_ref, listing.sku_code, listing.units_per_item,
    channel.stage = 'ALL' OR (channel.stage = 'SOME' AND coalesce(listing.live, false)) AS taken
FROM unnest(%(channel_codes)s::text[], %(listing_refs)s::text[]) AS wanted (channel_code, listing_ref)
INNER JOIN channel ON channel.channel_code = wanted.channel_code
LEFT JOIN listing ON listing.channel_code = wanted.channel_code AND listing.listing_ref = wanted.listing_ref
