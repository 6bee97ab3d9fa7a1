-- Blobs are stored before the entry that names them. What a killed process stored in vain must not
-- stay: least of all the text of an entry that was erased and is sent again. So storing notes it.

CREATE TABLE journal_blob_note (
    scope bytea NOT NULL,
    digest bytea NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX journal_blob_note_digest ON journal_blob_note (scope, digest);
COMMENT ON TABLE journal_blob_note IS 'Blobs that were stored and whose entry may not be there yet.';

-- Removes the blobs noted longer than a minute ago that no entry names, and these notes.
CREATE PROCEDURE journal_clean_blobs() LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(journal_turn());
    WITH old AS (
        DELETE FROM journal_blob_note WHERE at < clock_timestamp() - interval '1 minute'
        RETURNING scope, digest)
    DELETE FROM journal_blob b USING old
        WHERE b.scope = old.scope AND b.digest = old.digest AND NOT EXISTS (
            SELECT 1 FROM journal_blob_ref r WHERE r.scope = b.scope AND r.digest = b.digest);
    COMMIT;
END $$;
