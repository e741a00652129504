-- One word for what is given up: that of what a round of delivery answers.
ALTER TABLE outbox RENAME COLUMN is_dead TO is_given_up;

-- A version that knows the column by its old name could not deliver.
UPDATE store SET schema_version = 5, min_writer_version = 5;
