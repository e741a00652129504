-- Seals: checksums of what a row says, written with it, so that `verify` finds a flipped bit
-- in any column. NULL: the row is of an older version and not sealed.

-- A version that does not know the seals would change rows and leave their seals.
UPDATE store SET schema_version = 6, min_writer_version = 6;

-- Of the call with the names it refers to and its other units.
ALTER TABLE calls ADD COLUMN seal INTEGER;

-- Of the key and the id of its call. NULL also where erasing has replaced the key.
ALTER TABLE call_keys ADD COLUMN seal INTEGER;

-- Of the row without `revision`, with the user's terms and own limits. A migration that changes a
-- column of these sets it to NULL.
ALTER TABLE users ADD COLUMN seal INTEGER;

-- Of plans, limits, prices, aliases, providers and units at this version of the catalogue. A
-- migration that changes a column of these sets it to NULL.
ALTER TABLE store ADD COLUMN catalogue_seal INTEGER;
