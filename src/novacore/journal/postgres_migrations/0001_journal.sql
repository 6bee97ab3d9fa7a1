-- Sessions, entries, segments and blobs, and the calls that write them.
--
-- Every call that writes takes one lock, does all its work and commits before it answers: no client
-- is waited for while the lock is held. Texts are kept as bytes, since they may hold any character.

CREATE TABLE journal_head (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    id bytea NOT NULL,
    epoch bigint NOT NULL,
    lowest_reader integer NOT NULL,
    lowest_writer integer NOT NULL,
    sequence bigint NOT NULL,
    chain bytea NOT NULL,
    recorded_us bigint NOT NULL,
    generation bigint NOT NULL,
    changes bigint NOT NULL,
    standing bytea NOT NULL DEFAULT ''
) WITH (fillfactor = 10);
COMMENT ON TABLE journal_head IS 'One row: which journal this is, and where it ends.';

CREATE TABLE journal_migration (
    number integer PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE journal_session (
    key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id bytea NOT NULL UNIQUE,
    scope bytea NOT NULL,
    named bytea UNIQUE,
    tenant bytea NOT NULL,
    owner bytea NOT NULL,
    workspace bytea NOT NULL,
    name bytea NOT NULL,
    created_us bigint NOT NULL,
    updated_us bigint NOT NULL,
    entries bigint NOT NULL,
    messages bigint NOT NULL,
    sealed bigint NOT NULL,
    tail_bytes bigint NOT NULL,
    changes bigint NOT NULL DEFAULT 0,
    chain bytea NOT NULL,
    parent bigint,
    forked_at bigint NOT NULL,
    is_erased boolean NOT NULL DEFAULT false
) WITH (fillfactor = 60);
CREATE INDEX journal_session_scope ON journal_session (scope);
CREATE INDEX journal_session_parent ON journal_session (parent) WHERE parent IS NOT NULL;
COMMENT ON COLUMN journal_session.scope IS 'Digest of tenant and owner.';
COMMENT ON COLUMN journal_session.named IS 'Digest of scope, workspace and name; null once erased.';
COMMENT ON COLUMN journal_session.changes IS 'Counts what changes stored entries: seals, erasures.';

CREATE TABLE journal_entry (
    sequence bigint PRIMARY KEY,
    session bigint NOT NULL,
    position bigint NOT NULL,
    id bytea NOT NULL
);
CREATE INDEX journal_entry_id ON journal_entry (id);
COMMENT ON TABLE journal_entry IS 'Every entry, by sequence and by id.';

CREATE TABLE journal_tail (
    session bigint NOT NULL,
    position bigint NOT NULL,
    before bytea NOT NULL,
    frame bytea NOT NULL,
    PRIMARY KEY (session, position)
);
ALTER TABLE journal_tail ALTER COLUMN frame SET STORAGE EXTERNAL;
COMMENT ON TABLE journal_tail IS 'The frames of the newest entries, and the chain hash before each.';

CREATE TABLE journal_segment (
    session bigint NOT NULL,
    base bigint NOT NULL,
    count bigint NOT NULL,
    messages bigint NOT NULL,
    heads_size bigint NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    data bytea NOT NULL,
    PRIMARY KEY (session, base)
);
ALTER TABLE journal_segment ALTER COLUMN data SET STORAGE EXTERNAL;
COMMENT ON TABLE journal_segment IS 'Sealed runs of a session''s entries.';

CREATE TABLE journal_blob (
    scope bytea NOT NULL,
    digest bytea NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (scope, digest)
);
ALTER TABLE journal_blob ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE TABLE journal_blob_ref (
    scope bytea NOT NULL,
    digest bytea NOT NULL,
    session bigint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (scope, digest, session, position)
);
CREATE INDEX journal_blob_ref_entry ON journal_blob_ref (session, position);

CREATE FUNCTION journal_turn() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT (1313822273::bigint << 32) | 'journal_head'::regclass::oid::bigint
$$;
COMMENT ON FUNCTION journal_turn IS 'The key of the lock that whoever writes holds.';

-- Eight bytes, least significant first, as frames hold their integers.
CREATE FUNCTION journal_bytes(value bigint) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT substr(int8send(value), 8, 1) || substr(int8send(value), 7, 1)
        || substr(int8send(value), 6, 1) || substr(int8send(value), 5, 1)
        || substr(int8send(value), 4, 1) || substr(int8send(value), 3, 1)
        || substr(int8send(value), 2, 1) || substr(int8send(value), 1, 1)
$$;

-- Takes the turn. Refuses a writer that is too old, a journal that lost its end, and one that is not
-- in use, unless the caller makes the copy that it is to become.
CREATE FUNCTION journal_take_turn(
    p_format integer, p_seen bigint, p_is_copy boolean DEFAULT false
) RETURNS journal_head LANGUAGE plpgsql AS $$
DECLARE
    head journal_head;
BEGIN
    PERFORM pg_advisory_xact_lock(journal_turn());
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'The journal writes in READ COMMITTED only.';
    END IF;
    SELECT * INTO STRICT head FROM journal_head;
    IF head.lowest_writer > p_format THEN
        RAISE EXCEPTION '%', head.lowest_writer USING ERRCODE = 'NV001';
    END IF;
    IF head.standing <> '' AND NOT (p_is_copy AND head.standing = 'copying') THEN
        RAISE EXCEPTION '%', encode(head.standing, 'hex') USING ERRCODE = 'NV003';
    END IF;
    IF head.sequence < p_seen THEN
        RAISE EXCEPTION '%', head.sequence USING ERRCODE = 'NV002';
    END IF;
    RETURN head;
END $$;

-- Appends a group of submissions. A frame comes with zeros where only the turn can tell: sequence,
-- position, times, chain. Outcomes: 0 written; 1 an id is known; 2 no such session; 3 another
-- position than expected; 4 a blob is missing.
CREATE PROCEDURE journal_append(
    p_format integer,
    p_seen bigint,
    p_now bigint,
    p_sessions bytea[],
    s_session bigint[],
    s_expected bigint[],
    s_end bigint[],
    e_id bytea[],
    e_submission bigint[],
    e_frame bytea[],
    e_said bigint[],
    l_id bytea[],
    l_submission bigint[],
    b_entry bigint[],
    b_digest bytea[],
    INOUT r_outcome bigint[],
    INOUT r_position bigint[],
    INOUT r_sequence bigint[],
    INOUT r_sealed bigint[],
    INOUT r_entries bigint[],
    INOUT r_tail_bytes bigint[],
    INOUT r_chain bytea
) LANGUAGE plpgsql AS $$
DECLARE
    v_head journal_head;
    v_found record;
    v_keys bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(p_sessions)]);
    v_positions bigint[] := v_keys;
    v_messages bigint[] := v_keys;
    v_sizes bigint[] := v_keys;
    v_chains bytea[] := array_fill(NULL::bytea, ARRAY[cardinality(p_sessions)]);
    v_erased boolean[] := array_fill(false, ARRAY[cardinality(p_sessions)]);
    v_waits boolean[] := v_erased;
    v_refused bigint[] := array_fill(0::bigint, ARRAY[cardinality(s_session)]);
    w_sequence bigint[] := '{}';
    w_session bigint[] := '{}';
    w_position bigint[] := '{}';
    w_entry bigint[] := '{}';
    w_before bytea[] := '{}';
    w_frame bytea[] := '{}';
    v_now_us bigint;
    v_now_bytes bytea;
    v_frame bytea;
    v_places bytea;
    v_chain bytea;
    v_said bigint;
    v_which bigint;
    v_place bigint;
    v_start bigint := 1;
    v_written bigint := 0;
BEGIN
    v_head := journal_take_turn(p_format, p_seen);
    v_now_us := coalesce(p_now, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint);
    v_now_us := greatest(v_now_us, v_head.recorded_us);
    v_now_bytes := journal_bytes(v_now_us);
    FOR v_found IN
        SELECT u.n, s.key, s.entries, s.chain, s.is_erased
        FROM unnest(p_sessions) WITH ORDINALITY u (id, n) JOIN journal_session s ON s.id = u.id
    LOOP
        v_keys[v_found.n] := v_found.key;
        v_positions[v_found.n] := v_found.entries;
        v_chains[v_found.n] := v_found.chain;
        v_erased[v_found.n] := v_found.is_erased;
        v_messages[v_found.n] := 0;
        v_sizes[v_found.n] := 0;
    END LOOP;
    IF cardinality(b_entry) > 0 THEN
        FOR v_found IN
            SELECT DISTINCT e_submission[u.entry] AS n
            FROM unnest(b_entry, b_digest) u (entry, digest)
            WHERE NOT EXISTS (
                SELECT 1 FROM journal_session s JOIN journal_blob b ON b.scope = s.scope
                WHERE s.id = p_sessions[s_session[e_submission[u.entry]]] AND b.digest = u.digest)
        LOOP
            v_refused[v_found.n] := 4;
        END LOOP;
    END IF;
    IF cardinality(l_id) > 0 THEN
        FOR v_found IN
            SELECT DISTINCT u.submission AS n
            FROM unnest(l_id, l_submission) u (id, submission)
            JOIN journal_entry e ON e.id = u.id
            JOIN journal_session holder ON holder.key = e.session
            JOIN journal_session mine ON mine.id = p_sessions[s_session[u.submission]]
            WHERE holder.scope = mine.scope
        LOOP
            v_refused[v_found.n] := 1;
        END LOOP;
    END IF;
    FOR i IN 1 .. cardinality(s_session) LOOP
        v_which := s_session[i];
        IF v_keys[v_which] IS NULL THEN
            r_outcome[i] := 2;
        ELSIF v_refused[i] = 1 THEN
            r_outcome[i] := 1;
        ELSIF v_erased[v_which] THEN
            r_outcome[i] := 2;
        ELSIF s_expected[i] >= 0 AND s_expected[i] <> v_positions[v_which] THEN
            r_outcome[i] := 3;
        ELSIF v_refused[i] = 4 OR v_waits[v_which] THEN
            -- Those behind it in the same session wait with it, so that the order stays.
            v_waits[v_which] := true;
            r_outcome[i] := 4;
        ELSE
            r_outcome[i] := 0;
        END IF;
        r_position[i] := v_positions[v_which];
        r_sequence[i] := v_head.sequence + v_written + 1;
        IF r_outcome[i] = 0 THEN
            v_place := v_positions[v_which];
            v_chain := v_chains[v_which];
            FOR j IN v_start .. s_end[i] LOOP
                v_frame := e_frame[j];
                v_said := e_said[j];
                v_written := v_written + 1;
                v_places := journal_bytes(v_head.sequence + v_written) || journal_bytes(v_place)
                    || CASE WHEN v_said IS NULL THEN v_now_bytes ELSE journal_bytes(v_said) END
                    || v_now_bytes;
                w_before[v_written] := v_chain;
                v_chain := sha256(
                    v_chain || substr(v_frame, 25, 1) || substr(v_frame, 27, 6) || v_places
                    || substr(v_frame, 65, 16) || substr(v_frame, 97, 32) || substr(v_frame, 9, 16)
                    || substr(v_frame, 161, 4));
                w_sequence[v_written] := v_head.sequence + v_written;
                w_session[v_written] := v_keys[v_which];
                w_position[v_written] := v_place;
                w_entry[v_written] := j;
                w_frame[v_written] := substr(v_frame, 1, 32) || v_places || substr(v_frame, 65, 64)
                    || v_chain || substr(v_frame, 161);
                v_messages[v_which] := v_messages[v_which] + (get_byte(v_frame, 25) & 1);
                v_sizes[v_which] := v_sizes[v_which] + octet_length(v_frame);
                v_place := v_place + 1;
            END LOOP;
            v_positions[v_which] := v_place;
            v_chains[v_which] := v_chain;
        END IF;
        v_start := s_end[i] + 1;
    END LOOP;
    IF v_written > 0 THEN
        INSERT INTO journal_entry (sequence, session, position, id)
            SELECT u.sequence, u.session, u.position, e_id[u.entry]
            FROM unnest(w_sequence, w_session, w_position, w_entry)
                u (sequence, session, position, entry);
        INSERT INTO journal_tail (session, position, before, frame)
            SELECT * FROM unnest(w_session, w_position, w_before, w_frame);
        IF cardinality(b_entry) > 0 THEN
            INSERT INTO journal_blob_ref (scope, digest, session, position)
                SELECT DISTINCT s.scope, b.digest, u.session, u.position
                FROM unnest(w_session, w_position, w_entry) u (session, position, entry)
                JOIN unnest(b_entry, b_digest) b (entry, digest) ON b.entry = u.entry
                JOIN journal_session s ON s.key = u.session;
        END IF;
        r_sealed := array_fill(NULL::bigint, ARRAY[cardinality(p_sessions)]);
        r_entries := r_sealed;
        r_tail_bytes := r_sealed;
        FOR v_found IN
            UPDATE journal_session s
            SET entries = v_positions[u.n], chain = v_chains[u.n], updated_us = v_now_us,
                messages = s.messages + v_messages[u.n],
                tail_bytes = s.tail_bytes + v_sizes[u.n]
            FROM unnest(v_keys) WITH ORDINALITY u (key, n)
            WHERE s.key = u.key AND v_sizes[u.n] > 0
            RETURNING u.n, s.sealed, s.entries, s.tail_bytes
        LOOP
            r_sealed[v_found.n] := v_found.sealed;
            r_entries[v_found.n] := v_found.entries;
            r_tail_bytes[v_found.n] := v_found.tail_bytes;
        END LOOP;
        UPDATE journal_head SET sequence = v_head.sequence + v_written, recorded_us = v_now_us,
            chain = v_chain, changes = changes + 1;
        r_chain := v_chain;
    END IF;
    COMMIT;
END $$;

-- Creates a session. Outcomes: 0 created; 1 there is one of that name, or id (`r_id` says which);
-- 2 no such parent; 3 something was erased since `p_generation`, count the messages again.
CREATE PROCEDURE journal_create(
    p_format integer,
    p_id bytea,
    p_scope bytea,
    p_named bytea,
    p_texts bytea[],
    p_numbers bigint[],
    p_chain bytea,
    p_parent bytea,
    p_generation bigint,
    INOUT r_outcome bigint,
    INOUT r_id bytea
) LANGUAGE plpgsql AS $$
DECLARE
    head journal_head;
    parent_key bigint;
BEGIN
    head := journal_take_turn(p_format, 0);
    SELECT id INTO r_id FROM journal_session WHERE named = p_named;
    IF r_id IS NULL THEN
        SELECT id INTO r_id FROM journal_session WHERE id = p_id;
    END IF;
    IF p_parent IS NOT NULL THEN
        SELECT key INTO parent_key FROM journal_session WHERE id = p_parent;
    END IF;
    IF r_id IS NOT NULL THEN
        r_outcome := 1;
    ELSIF p_parent IS NOT NULL AND parent_key IS NULL THEN
        r_outcome := 2;
    ELSIF p_parent IS NOT NULL AND head.generation <> p_generation THEN
        r_outcome := 3;
    ELSE
        r_outcome := 0;
        r_id := p_id;
        INSERT INTO journal_session (id, scope, named, tenant, owner, workspace, name, created_us,
                updated_us, entries, messages, sealed, tail_bytes, chain, parent, forked_at)
            VALUES (p_id, p_scope, p_named, p_texts[1], p_texts[2], p_texts[3], p_texts[4],
                p_numbers[1], p_numbers[2], p_numbers[3], p_numbers[4], p_numbers[3], 0, p_chain,
                parent_key, p_numbers[3]);
        UPDATE journal_head SET changes = changes + 1;
    END IF;
    COMMIT;
END $$;

-- Swaps a session's newest entries, and the segments that a new one swallows, for that segment.
-- Refused (0 instead of 1) when seals or erasures came in between. Needs no turn: it changes
-- nothing that an append reads, and holds the session's row for the end only.
CREATE PROCEDURE journal_seal(
    p_format integer,
    p_session bigint,
    p_changes bigint,
    p_base bigint,
    p_end bigint,
    p_messages bigint,
    p_heads_size bigint,
    p_data bytea,
    INOUT r_done bigint
) LANGUAGE plpgsql AS $$
DECLARE
    mine journal_session;
    freed bigint;
    needed integer;
BEGIN
    SELECT lowest_writer INTO STRICT needed FROM journal_head;
    IF needed > p_format THEN
        RAISE EXCEPTION '%', needed USING ERRCODE = 'NV001';
    END IF;
    -- Parked under a number that no session has: the large write is done before the row is held.
    INSERT INTO journal_segment (session, base, count, messages, heads_size, data)
        VALUES (-p_session, p_base, p_end - p_base, p_messages, p_heads_size, p_data);
    SELECT * INTO STRICT mine FROM journal_session WHERE key = p_session FOR UPDATE;
    r_done := (mine.changes = p_changes)::integer;
    IF r_done = 1 THEN
        DELETE FROM journal_segment
            WHERE session = p_session AND base >= p_base AND base < p_end;
        UPDATE journal_segment SET session = p_session WHERE session = -p_session AND base = p_base;
        WITH gone AS (
            DELETE FROM journal_tail
            WHERE session = p_session AND position >= mine.sealed AND position < p_end
            RETURNING octet_length(frame) AS size)
        SELECT coalesce(sum(size), 0) INTO freed FROM gone;
        UPDATE journal_session
            SET sealed = p_end, tail_bytes = tail_bytes - freed, changes = changes + 1
            WHERE key = p_session;
        COMMIT;
    ELSE
        ROLLBACK;
    END IF;
END $$;

-- Removes blobs that no entry names: those of a refused append, or (null) all such.
CREATE PROCEDURE journal_drop_blobs(p_scope bytea, p_digests bytea[]) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(journal_turn());
    DELETE FROM journal_blob b
        WHERE (p_scope IS NULL OR b.scope = p_scope)
        AND (p_digests IS NULL OR b.digest = ANY (p_digests))
        AND NOT EXISTS (
            SELECT 1 FROM journal_blob_ref r WHERE r.scope = b.scope AND r.digest = b.digest);
    COMMIT;
END $$;

-- Changes whether the journal takes appends, and with it which epoch and journal it is, where given.
-- `p_is_begin`: only in a place that is empty, or holds this journal and is not in use.
CREATE PROCEDURE journal_set_standing(
    p_standing bytea,
    p_journal bytea,
    p_epoch bigint,
    p_is_begin boolean,
    INOUT r_standing bytea,
    INOUT r_is_empty boolean,
    INOUT r_is_same boolean
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(journal_turn());
    SELECT standing, id = p_journal, NOT EXISTS (SELECT 1 FROM journal_session)
        INTO STRICT r_standing, r_is_same, r_is_empty FROM journal_head;
    IF NOT p_is_begin OR r_is_empty OR (r_is_same AND r_standing <> '') THEN
        UPDATE journal_head SET standing = p_standing, id = coalesce(p_journal, id),
            epoch = coalesce(p_epoch, epoch), changes = changes + 1;
    END IF;
    COMMIT;
END $$;

-- Adds a stretch of a journal that is copied: sessions, then entries with all that they had there.
-- Refused (0 instead of 1) when the copy does not end with `p_sequence`.
CREATE PROCEDURE journal_add_copied(
    p_format integer,
    p_sequence bigint,
    n_id bytea[],
    n_scope bytea[],
    n_named bytea[],
    n_texts bytea[],
    n_numbers bigint[],
    n_chain bytea[],
    n_parent bytea[],
    e_session bytea[],
    e_numbers bigint[],
    e_id bytea[],
    e_before bytea[],
    e_frame bytea[],
    h_session bytea[],
    h_numbers bigint[],
    h_chain bytea[],
    b_session bytea[],
    b_position bigint[],
    b_digest bytea[],
    p_recorded bigint,
    INOUT r_done bigint
) LANGUAGE plpgsql AS $$
DECLARE
    head journal_head;
    added bigint := cardinality(e_session);
BEGIN
    head := journal_take_turn(p_format, 0, true);
    r_done := (head.sequence = p_sequence)::integer;
    IF r_done = 1 THEN
        FOR i IN 1 .. cardinality(n_id) LOOP
            INSERT INTO journal_session (id, scope, named, tenant, owner, workspace, name,
                    created_us, updated_us, entries, messages, sealed, tail_bytes, chain, parent,
                    forked_at, is_erased)
                SELECT n_id[i], n_scope[i], nullif(n_named[i], ''), n_texts[4 * i - 3],
                    n_texts[4 * i - 2], n_texts[4 * i - 1], n_texts[4 * i], n_numbers[5 * i - 4],
                    n_numbers[5 * i - 3], n_numbers[5 * i - 2], n_numbers[5 * i - 1],
                    n_numbers[5 * i - 2], 0, n_chain[i],
                    (SELECT p.key FROM journal_session p WHERE p.id = n_parent[i]),
                    n_numbers[5 * i - 2], n_numbers[5 * i] = 1
                ON CONFLICT (id) DO NOTHING;
        END LOOP;
        INSERT INTO journal_entry (sequence, session, position, id)
            SELECT e_numbers[2 * u.n - 1], s.key, e_numbers[2 * u.n], e_id[u.n]
            FROM unnest(e_session) WITH ORDINALITY u (session, n)
            JOIN journal_session s ON s.id = u.session;
        INSERT INTO journal_tail (session, position, before, frame)
            SELECT s.key, e_numbers[2 * u.n], e_before[u.n], e_frame[u.n]
            FROM unnest(e_session) WITH ORDINALITY u (session, n)
            JOIN journal_session s ON s.id = u.session;
        INSERT INTO journal_blob_ref (scope, digest, session, position)
            SELECT s.scope, u.digest, s.key, u.position
            FROM unnest(b_session, b_position, b_digest) u (session, position, digest)
            JOIN journal_session s ON s.id = u.session;
        UPDATE journal_session s
            SET entries = h_numbers[4 * u.n - 3], messages = s.messages + h_numbers[4 * u.n - 2],
                tail_bytes = s.tail_bytes + h_numbers[4 * u.n - 1],
                updated_us = h_numbers[4 * u.n], chain = h_chain[u.n]
            FROM unnest(h_session) WITH ORDINALITY u (id, n) WHERE s.id = u.id;
        UPDATE journal_head SET changes = changes + 1,
            sequence = CASE WHEN added > 0 THEN e_numbers[2 * added - 1] ELSE sequence END,
            chain = CASE WHEN added > 0 THEN substr(e_frame[added], 129, 32) ELSE chain END,
            recorded_us = greatest(recorded_us, p_recorded);
    END IF;
    COMMIT;
END $$;
