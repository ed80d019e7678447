-- migrate:up

-- Where a warehouse stands, for sourcing from the nearest. NULL: not known. Degrees north and east, WGS 84.
ALTER TABLE warehouse
    ADD COLUMN latitude_deg float8
        CONSTRAINT warehouse_latitude_on_earth CHECK (latitude_deg BETWEEN -90 AND 90),
    ADD COLUMN longitude_deg float8
        CONSTRAINT warehouse_longitude_on_earth CHECK (longitude_deg BETWEEN -180 AND 180)
        CONSTRAINT warehouse_location_whole CHECK ((latitude_deg IS NULL) = (longitude_deg IS NULL));

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
