-- The list of erasures, and the calls that carry them out.

CREATE TABLE journal_erasure (
    number bigint PRIMARY KEY,
    session bytea NOT NULL,
    positions bigint[],
    at_us bigint NOT NULL
);
COMMENT ON TABLE journal_erasure IS 'What was erased, in order; null positions: the whole session.';

CREATE TABLE journal_erasing (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session bytea NOT NULL,
    positions bigint[],
    at_us bigint NOT NULL
);
COMMENT ON TABLE journal_erasing IS 'Erasures under way: finished by the next opening after a kill.';

ALTER TABLE journal_head ADD COLUMN erasures bigint NOT NULL DEFAULT 0;
UPDATE journal_head SET lowest_writer = 2;

-- Notes erasures before they are carried out; a session to be erased whole takes no more entries.
CREATE PROCEDURE journal_note_erasures(
    p_format integer,
    p_session bytea,
    p_positions bigint[],
    p_at bigint,
    INOUT r_number bigint
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM journal_take_turn(p_format, 0, true);
    INSERT INTO journal_erasing (session, positions, at_us)
        VALUES (p_session, p_positions, p_at) RETURNING number INTO r_number;
    IF p_positions IS NULL THEN
        UPDATE journal_session
            SET is_erased = true, named = NULL, name = '', workspace = '' WHERE id = p_session;
        UPDATE journal_head SET changes = changes + 1;
    END IF;
    COMMIT;
END $$;

-- Puts tombstones in the place of entries, and adds the erasure to the list. Refused (0 instead of
-- 1) when the session was sealed, or erased from, since `p_changes`.
CREATE PROCEDURE journal_erase(
    p_format integer,
    p_number bigint,
    p_session bigint,
    p_changes bigint,
    t_position bigint[],
    t_frame bytea[],
    g_base bigint[],
    g_numbers bigint[],
    g_data bytea[],
    p_positions bigint[],
    p_gone bigint[],
    INOUT r_done bigint
) LANGUAGE plpgsql AS $$
DECLARE
    mine journal_session;
    digests bytea[];
BEGIN
    PERFORM journal_take_turn(p_format, 0, true);
    SELECT * INTO STRICT mine FROM journal_session WHERE key = p_session FOR UPDATE;
    r_done := (mine.changes = p_changes)::integer;
    IF r_done = 1 THEN
        UPDATE journal_tail t SET frame = u.frame
            FROM unnest(t_position, t_frame) u (position, frame)
            WHERE t.session = p_session AND t.position = u.position;
        FOR i IN 1 .. cardinality(g_base) LOOP
            DELETE FROM journal_segment WHERE session = p_session AND base = g_base[i];
            INSERT INTO journal_segment (session, base, count, messages, heads_size, data)
                VALUES (p_session, g_base[i], g_numbers[3 * i - 2], g_numbers[3 * i - 1],
                    g_numbers[3 * i], g_data[i]);
        END LOOP;
        WITH gone AS (
            DELETE FROM journal_blob_ref
            WHERE session = p_session AND position = ANY (p_positions) RETURNING digest)
        SELECT array_agg(DISTINCT digest) INTO digests FROM gone;
        DELETE FROM journal_blob b
            WHERE b.scope = mine.scope AND b.digest = ANY (digests) AND NOT EXISTS (
                SELECT 1 FROM journal_blob_ref r WHERE r.scope = b.scope AND r.digest = b.digest);
        -- An erased message is none, here and in every fork that shares it.
        WITH RECURSIVE family (key, shared) AS (
            SELECT p_session, 9223372036854775807
            UNION ALL
            SELECT s.key, least(f.shared, s.forked_at)
            FROM journal_session s JOIN family f ON s.parent = f.key)
        UPDATE journal_session s
            SET messages = s.messages
                - (SELECT count(*) FROM unnest(p_gone) p (position) WHERE p.position < f.shared)
            FROM family f WHERE s.key = f.key;
        UPDATE journal_session
            SET changes = changes + 1, tail_bytes = (
                SELECT coalesce(sum(octet_length(frame)), 0)
                FROM journal_tail WHERE session = p_session)
            WHERE key = p_session;
        WITH done AS (
            DELETE FROM journal_erasing WHERE number = p_number
            RETURNING session, positions, at_us)
        INSERT INTO journal_erasure (number, session, positions, at_us)
            SELECT h.erasures + 1, d.session, d.positions, d.at_us FROM done d, journal_head h;
        UPDATE journal_head SET generation = generation + 1, changes = changes + 1,
            erasures = (SELECT count(*) FROM journal_erasure);
    END IF;
    COMMIT;
END $$;
