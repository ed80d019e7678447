-- migrate:up

-- Why figures are corrected by hand. Only ever added to: the newest row of a code counts, the others say what it was.
CREATE TABLE reason_code (
    reason_code  text         NOT NULL,
    position     bigint       GENERATED ALWAYS AS IDENTITY,
    name_en      text         NOT NULL,
    name_id      text         NOT NULL,
    retired      boolean      NOT NULL DEFAULT false,
    set_time     timestamptz  NOT NULL DEFAULT clock_timestamp(),
    actor        text         NOT NULL,
    PRIMARY KEY (reason_code, position)
);

INSERT INTO reason_code (reason_code, name_en, name_id, actor)
SELECT code, name_en, name_id, 'service:stock'
  FROM (VALUES
       ('COUNT', 'Counted otherwise', 'Hasil hitung berbeda'),
       ('DAMAGE', 'Damaged', 'Rusak'),
       ('EXPIRED', 'Expired', 'Kedaluwarsa'),
       ('FOUND', 'Found again', 'Ditemukan kembali'),
       ('LOSS', 'Lost or stolen', 'Hilang atau dicuri'),
       ('MISTYPED', 'Booked wrongly before', 'Salah catat sebelumnya'),
       ('OPENING', 'Opening balance', 'Saldo awal'),
       ('SAMPLE', 'Given as a sample', 'Diberikan sebagai sampel'),
       ('USED', 'Used in the house', 'Dipakai sendiri')
       ) AS beginning (code, name_en, name_id);

GRANT SELECT, INSERT ON reason_code TO lumbung_stock;

-- migrate:down
-- Nothing: a change of the schema is undone by another migration, which keeps the data.
