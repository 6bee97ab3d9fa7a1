


SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;


CREATE PROCEDURE public.journal_add_copied(IN p_format integer, IN p_sequence bigint, IN n_id bytea[], IN n_scope bytea[], IN n_named bytea[], IN n_texts bytea[], IN n_numbers bigint[], IN n_chain bytea[], IN n_parent bytea[], IN e_session bytea[], IN e_numbers bigint[], IN e_id bytea[], IN e_before bytea[], IN e_frame bytea[], IN h_session bytea[], IN h_numbers bigint[], IN h_chain bytea[], IN b_session bytea[], IN b_position bigint[], IN b_digest bytea[], IN p_recorded bigint, INOUT r_done bigint)
    LANGUAGE plpgsql
    AS $$
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



CREATE PROCEDURE public.journal_append(IN p_format integer, IN p_seen bigint, IN p_now bigint, IN p_sessions bytea[], IN s_session bigint[], IN s_expected bigint[], IN s_end bigint[], IN e_id bytea[], IN e_submission bigint[], IN e_frame bytea[], IN e_said bigint[], IN l_id bytea[], IN l_submission bigint[], IN b_entry bigint[], IN b_digest bytea[], INOUT r_outcome bigint[], INOUT r_position bigint[], INOUT r_sequence bigint[], INOUT r_sealed bigint[], INOUT r_entries bigint[], INOUT r_tail_bytes bigint[], INOUT r_chain bytea)
    LANGUAGE plpgsql
    AS $$
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



CREATE FUNCTION public.journal_bytes(value bigint) RETURNS bytea
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT substr(int8send(value), 8, 1) || substr(int8send(value), 7, 1)
        || substr(int8send(value), 6, 1) || substr(int8send(value), 5, 1)
        || substr(int8send(value), 4, 1) || substr(int8send(value), 3, 1)
        || substr(int8send(value), 2, 1) || substr(int8send(value), 1, 1)
$$;



CREATE PROCEDURE public.journal_create(IN p_format integer, IN p_id bytea, IN p_scope bytea, IN p_named bytea, IN p_texts bytea[], IN p_numbers bigint[], IN p_chain bytea, IN p_parent bytea, IN p_generation bigint, INOUT r_outcome bigint, INOUT r_id bytea)
    LANGUAGE plpgsql
    AS $$
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



CREATE PROCEDURE public.journal_drop_blobs(IN p_scope bytea, IN p_digests bytea[])
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(journal_turn());
    DELETE FROM journal_blob b
        WHERE (p_scope IS NULL OR b.scope = p_scope)
        AND (p_digests IS NULL OR b.digest = ANY (p_digests))
        AND NOT EXISTS (
            SELECT 1 FROM journal_blob_ref r WHERE r.scope = b.scope AND r.digest = b.digest);
    COMMIT;
END $$;



CREATE PROCEDURE public.journal_seal(IN p_format integer, IN p_session bigint, IN p_changes bigint, IN p_base bigint, IN p_end bigint, IN p_messages bigint, IN p_heads_size bigint, IN p_data bytea, INOUT r_done bigint)
    LANGUAGE plpgsql
    AS $$
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



CREATE PROCEDURE public.journal_set_standing(IN p_standing bytea, IN p_journal bytea, IN p_epoch bigint, IN p_is_begin boolean, INOUT r_standing bytea, INOUT r_is_empty boolean, INOUT r_is_same boolean)
    LANGUAGE plpgsql
    AS $$
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


SET default_tablespace = '';

SET default_table_access_method = heap;


CREATE TABLE public.journal_head (
    is_only boolean DEFAULT true NOT NULL,
    id bytea NOT NULL,
    epoch bigint NOT NULL,
    lowest_reader integer NOT NULL,
    lowest_writer integer NOT NULL,
    sequence bigint NOT NULL,
    chain bytea NOT NULL,
    recorded_us bigint NOT NULL,
    generation bigint NOT NULL,
    changes bigint NOT NULL,
    standing bytea DEFAULT '\x'::bytea NOT NULL,
    CONSTRAINT journal_head_is_only_check CHECK (is_only)
)
WITH (fillfactor='10');



CREATE FUNCTION public.journal_take_turn(p_format integer, p_seen bigint, p_is_copy boolean DEFAULT false) RETURNS public.journal_head
    LANGUAGE plpgsql
    AS $$
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



CREATE FUNCTION public.journal_turn() RETURNS bigint
    LANGUAGE sql STABLE
    AS $$
    SELECT (1313822273::bigint << 32) | 'journal_head'::regclass::oid::bigint
$$;



CREATE TABLE public.journal_blob (
    scope bytea NOT NULL,
    digest bytea NOT NULL,
    content bytea NOT NULL
);
ALTER TABLE ONLY public.journal_blob ALTER COLUMN content SET STORAGE EXTERNAL;



CREATE TABLE public.journal_blob_ref (
    scope bytea NOT NULL,
    digest bytea NOT NULL,
    session bigint NOT NULL,
    "position" bigint NOT NULL
);



CREATE TABLE public.journal_entry (
    sequence bigint NOT NULL,
    session bigint NOT NULL,
    "position" bigint NOT NULL,
    id bytea NOT NULL
);



CREATE TABLE public.journal_migration (
    number integer NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);



CREATE TABLE public.journal_segment (
    session bigint NOT NULL,
    base bigint NOT NULL,
    count bigint NOT NULL,
    messages bigint NOT NULL,
    heads_size bigint NOT NULL,
    number bigint NOT NULL,
    data bytea NOT NULL
);
ALTER TABLE ONLY public.journal_segment ALTER COLUMN data SET STORAGE EXTERNAL;



ALTER TABLE public.journal_segment ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.journal_segment_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);



CREATE TABLE public.journal_session (
    key bigint NOT NULL,
    id bytea NOT NULL,
    scope bytea NOT NULL,
    named bytea,
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
    changes bigint DEFAULT 0 NOT NULL,
    chain bytea NOT NULL,
    parent bigint,
    forked_at bigint NOT NULL,
    is_erased boolean DEFAULT false NOT NULL
)
WITH (fillfactor='60');



ALTER TABLE public.journal_session ALTER COLUMN key ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.journal_session_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);



CREATE TABLE public.journal_tail (
    session bigint NOT NULL,
    "position" bigint NOT NULL,
    before bytea NOT NULL,
    frame bytea NOT NULL
);
ALTER TABLE ONLY public.journal_tail ALTER COLUMN frame SET STORAGE EXTERNAL;



COPY public.journal_blob (scope, digest, content) FROM stdin;
\\x383eadaefdc3f67691573ee6d8675503	\\x5d93d7ab29b59cc4854ec219a106d6410f36873f5bd41cfb2d4b23fb560d42f6	\\x6c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e67206c6f6e6720
\.



COPY public.journal_blob_ref (scope, digest, session, "position") FROM stdin;
\\x383eadaefdc3f67691573ee6d8675503	\\x5d93d7ab29b59cc4854ec219a106d6410f36873f5bd41cfb2d4b23fb560d42f6	1	50
\.



COPY public.journal_entry (sequence, session, "position", id) FROM stdin;
1	1	0	\\x018f0000000070008000000000000001
2	1	1	\\x018f0000000070008000000000000002
3	1	2	\\x018f0000000070008000000000000003
4	1	3	\\x018f0000000070008000000000000004
5	1	4	\\x018f0000000070008000000000000005
6	1	5	\\x018f0000000070008000000000000006
7	1	6	\\x018f0000000070008000000000000007
8	1	7	\\x018f0000000070008000000000000008
9	1	8	\\x018f0000000070008000000000000009
10	1	9	\\x018f0000000070008000000000000010
11	1	10	\\x018f0000000070008000000000000011
12	1	11	\\x018f0000000070008000000000000012
13	1	12	\\x018f0000000070008000000000000013
14	1	13	\\x018f0000000070008000000000000014
15	1	14	\\x018f0000000070008000000000000015
16	1	15	\\x018f0000000070008000000000000016
17	1	16	\\x018f0000000070008000000000000017
18	1	17	\\x018f0000000070008000000000000018
19	1	18	\\x018f0000000070008000000000000019
20	1	19	\\x018f0000000070008000000000000020
21	1	20	\\x018f0000000070008000000000000021
22	1	21	\\x018f0000000070008000000000000022
23	1	22	\\x018f0000000070008000000000000023
24	1	23	\\x018f0000000070008000000000000024
25	1	24	\\x018f0000000070008000000000000025
26	1	25	\\x018f0000000070008000000000000026
27	1	26	\\x018f0000000070008000000000000027
28	1	27	\\x018f0000000070008000000000000028
29	1	28	\\x018f0000000070008000000000000029
30	1	29	\\x018f0000000070008000000000000030
31	1	30	\\x018f0000000070008000000000000031
32	1	31	\\x018f0000000070008000000000000032
33	1	32	\\x018f0000000070008000000000000033
34	1	33	\\x018f0000000070008000000000000034
35	1	34	\\x018f0000000070008000000000000035
36	1	35	\\x018f0000000070008000000000000036
37	1	36	\\x018f0000000070008000000000000037
38	1	37	\\x018f0000000070008000000000000038
39	1	38	\\x018f0000000070008000000000000039
40	1	39	\\x018f0000000070008000000000000040
41	1	40	\\x018f0000000070008000000000000041
42	1	41	\\x018f0000000070008000000000000042
43	1	42	\\x018f0000000070008000000000000043
44	1	43	\\x018f0000000070008000000000000044
45	1	44	\\x018f0000000070008000000000000045
46	1	45	\\x018f0000000070008000000000000046
47	1	46	\\x018f0000000070008000000000000047
48	1	47	\\x018f0000000070008000000000000048
49	1	48	\\x018f0000000070008000000000000049
50	1	49	\\x018f0000000070008000000000000050
51	1	50	\\x018f0000000070008000000000000051
52	2	45	\\x018f0000000070008000000000000052
53	3	0	\\x018f0000000070008000000000000053
\.



COPY public.journal_head (is_only, id, epoch, lowest_reader, lowest_writer, sequence, chain, recorded_us, generation, changes, standing) FROM stdin;
t	\\x0190f3b400007000800000000000000a	1	1	1	53	\\xfb84f4f4526c9ce67e8ef89f44fcb4608eb7fa75c4519b4a922c279afb921848	1700000000025000	0	8	\\x
\.



COPY public.journal_migration (number, applied_at) FROM stdin;
1	2026-11-22 03:01:02.270257+00
\.



COPY public.journal_segment (session, base, count, messages, heads_size, number, data) FROM stdin;
1	0	40	40	6360	1	\\x4e4f5641534547310100000000000000280000002800000000000000000000000190f3b4000070008000000000000001d8180000000000007e04000000000000000000009f0000003e010000dd0100007c0200001b030000ba03000059040000f80400009705000036060000d50600007407000013080000b208000051090000f00900008f0a00002e0b0000cd0b00006c0c00000b0d0000aa0d0000490e0000e80e0000870f000026100000c51000006411000003120000a212000041130000e01300007f1400001e150000bd1500005c160000fb1600009a17000039180000d8180000000000001c0000003800000054000000700000008c000000a8000000c4000000e0000000fc0000001801000035010000520100006f0100008c010000a9010000c6010000e3010000000200001d0200003a020000570200007402000091020000ae020000cb020000e802000005030000220300003f0300005c0300007903000096030000b3030000d0030000ed0300000a0400002704000044040000610400007e04000079c37d8681a9d9b901010100000000000100000000000000000000000000000088531e18240a060088531e18240a0600018f0000000070008000000000000001977a9486891e1012aa21d57b27fe4755ff925de062a8c137771466d45452df29eeec463318117f304f5b21ab489cf52a79f9a450381ee8a220c7653219c17ba126199c9faa60a4988ebb6ffe08ef49d1070000001c0000006d65737361676532cd53a2063fbb7501010100000000000200000000000000010000000000000088531e18240a060088531e18240a0600018f0000000070008000000000000002f81a679a354ebe0b047e637734ea29561d6e0a3ebb8ab4671927a4e1f979737c33c4edc38a24c82eb255d49d2c5c1edfcfc62f6350e8f0ed70149a88cbdf5916a5452b190361832ff1ef7534dfd26000070000001c0000006d657373616765d0541a52b0ffda7c01010100000000000300000000000000020000000000000088531e18240a060088531e18240a0600018f0000000070008000000000000003fcf3f106d4b943a1f2a83f18679dbfe5016dd33c0d76d1ba3cbf60ddc6fec57abbd2b7570182b8459375b924c3cb178d3dd97ac3065550b8d9d874833ec950ced7cf13f5db4967bc8eac33052a968fda070000001c0000006d657373616765589780628c3e133701010100000000000400000000000000030000000000000088531e18240a060088531e18240a0600018f000000007000800000000000000413541613f587e4288ef25a0f4f72f262499736689133dfb476c9572f61cba69a5b91d00c29a646c4ca63bb0b12ec14bd09fd7778f360b5fd8c70611d0f8889e3060ca3a67d45d12d3a5a471ce1883a82070000001c0000006d65737361676550f7ebe2ab47511f01010100000000000500000000000000040000000000000088531e18240a060088531e18240a0600018f000000007000800000000000000568ff7ce1f434b227753b822b7583ddb7b5038a61f7b0b5b150fb4d51fb9f14ecd85ff71b24958d2673ce428efbfcd3ec254876a2c6f8592d014e32d68df7016b4f7c9a7bc3b324f1d90f5d6d74438391070000001c0000006d65737361676593c6f7c05fae719301010100000000000600000000000000050000000000000088531e18240a060088531e18240a0600018f0000000070008000000000000006dc7856c276e7ff359444bed84fc1cf739186d0548bb93adabfa69f886f10f38a88f15a7f23d70b1d39f1b2178722d12ee81f3fbc83a161235f892ff424a361d6d71c2e63870f628d57a1a1b9389f24e4070000001c0000006d6573736167657affe70cca51575101010100000000000700000000000000060000000000000088531e18240a060088531e18240a0600018f000000007000800000000000000788a54df9b54ea50c70f8296acf40ca0f15cd3f8daeba854313153cd33b238bd8557be12dd32b5c7e5c05d1908ab33d2ae843ae110662e52657d8031f9a6a7cbc258003d88349a69c7655458d1607c9bc070000001c0000006d657373616765aff4291e6635063301010100000000000800000000000000070000000000000088531e18240a060088531e18240a0600018f00000000700080000000000000082294b7049bd33e9bb9dd8c01cdceb2b9c8a940543dd155a91ec8a20858dd5f2ba294cc26cec898f8a0964fd77d54652e4cdf1b718707da08e2ae2c0c248b32707bf8900ee94df46e1a787328c6f3ff6e070000001c0000006d657373616765b0abfdb286f9b06c01010100000000000900000000000000080000000000000088531e18240a060088531e18240a0600018f0000000070008000000000000009d031a2679c3f7bd936b2e865d1b79c2cb470f8149a196ae8c04d47904983d6a93a247867f955ab79e7b1ad44bf90760a16fc66edf85511db34ed878ef64075cddf1384acede545d0701d86f904281e16070000001c0000006d657373616765ced44e4b52367f5601010100000000000a00000000000000090000000000000088531e18240a060088531e18240a0600018f00000000700080000000000000100d6a0f066e638bd4569998b8afb2f437642cf88f4589b6bba4f16236d7f7225bbe581270fdc6f146abbdc08398e9bbf91c51f666a0dc78d26ce755a23b40b6e692563d99d6301bd749731996e0a9ba35070000001c0000006d6573736167654dfc9113e4506c5201010100000000000b000000000000000a0000000000000088531e18240a060088531e18240a0600018f0000000070008000000000000011db69b15877e92839ba5036e728ac69061a0049c5f9e73827111cb54ce16a4b39090fb1069a0b6ae2420bf111698da576062b919b2e1d652c64e5feb638f3958e0de71778f7d67951440dd624234e11c1070000001d0000006d6573736167659c170f6f4699a17301010100000000000c000000000000000b0000000000000088531e18240a060088531e18240a0600018f0000000070008000000000000012da1756d50076863b704c51abf898e47205fe7fa04d8851fbe8ee1b96d29b123a87aaf9131e839e527c267d085c56a476d3d3d1d01fb8602f73ceca5bf8688f987875c853888860060c4a66d727e0397c070000001d0000006d657373616765d58264d61c8e0c5001010100000000000d000000000000000c0000000000000088531e18240a060088531e18240a0600018f000000007000800000000000001379f3c67b500a839a1a3aa2c1471eeeb61fa7d4c208edd3197840f5c969da75418dfe531360793ae311cc1d6e0ab04ce951c1916f277ed5b97644c05b2463b861bd95034bfcdf3add7e733e6a5c33ab6a070000001d0000006d65737361676597b866bd2151a35401010100000000000e000000000000000d0000000000000088531e18240a060088531e18240a0600018f000000007000800000000000001496886a80a0fa2060b6c4dab9aca0c3033cc7545d4c68d4f53a4d5f39027c938b83d1d278cb2dfcd02b1333d3df572df5eebbd511fd6f97eef30fa13ca166a129e33d665d4ef347c568ec1ca533946fdc070000001d0000006d65737361676566a64416776f447701010100000000000f000000000000000e0000000000000088531e18240a060088531e18240a0600018f0000000070008000000000000015de31651ee228ceed8090f77ed163c13904cc2e870ace3ad8fa9e2212e5ee66fe57df779c3ba7aac26683931e34cd1b43ba37b67b3a30a1adb8a0e560219d579644cc3e80765a92a0fcd62c6cb6ca3f52070000001d0000006d65737361676591b8ef55c56515e3010101000000000010000000000000000f0000000000000088531e18240a060088531e18240a0600018f000000007000800000000000001687f0188edd9688121e971c2e362b751091adda3de621d88b4aca1dd04080ed3a57b40d048a4841434e76305c1731db011b73a9f74441553768599cd622bdffd2cd35528b5b142e7bf37e833dfdb8a5b4070000001d0000006d6573736167655e9e65b9b30a337401010100000000001100000000000000100000000000000088531e18240a060088531e18240a0600018f0000000070008000000000000017c752c700e1d2165d3bb071d2e6ead101754ec6edab9e6b440171f6be18ed567e0ca28e4dfa5012153ea0be46b5bf4632eb718e887f464fb6e515e5af1b3489d0a6cb3fe6913d911208186227b73ac993070000001d0000006d65737361676533f40a60eca7011701010100000000001200000000000000110000000000000088531e18240a060088531e18240a0600018f000000007000800000000000001830d180fb36824ded25bae5444aa04c97791f9091f672164c28db201c01c19f5361471a3e2f231ada98909b554051b6a21688d4c872cd88eed9a4c7ed2a72ca817326a592f7875427f29bca8ec78881b2070000001d0000006d6573736167656e78a5b8fdb1c03901010100000000001300000000000000120000000000000088531e18240a060088531e18240a0600018f0000000070008000000000000019c92c3c9a5fb8f782d5a9195ac229b23b3028cc65058a45d3cf367423fd0debda95048253db0f102932aa0010c86a90be87d81945ae509b4b639a1e9534553d1330d8139471b81b0ef325c5b218b487a2070000001d0000006d657373616765f74090743a8894e101010100000000001400000000000000130000000000000088531e18240a060088531e18240a0600018f000000007000800000000000002058e98b3db61c84afbcd67a1130a0ac1f4982fac29a00ccd25f0b4ee601777f404e58b7b4ca257a04b390bb63b3dac25769f75cbc45d9b5247aa3c9e9df67365ff560d400f2f477e37fb8af490ab1f469070000001d0000006d6573736167658e51d419c3d8b35201010100000000001500000000000000140000000000000088531e18240a060088531e18240a0600018f00000000700080000000000000213fb83f1b1c89e44902eb518809b993a1f9b19cc07a28fef82d5c8d57813d25149d328bc115818462caab564c2c82a1d15b9abfc1a6f78f183abf0655cdab59d31d9421782836274713ea15bebae3839d070000001d0000006d657373616765d0a1375f9e65314601010100000000001600000000000000150000000000000088531e18240a060088531e18240a0600018f0000000070008000000000000022858abba09025987bd24fb55674d96554b649749d96ed20249733d33951c8cb59339fdf8602f6c4e88c055f760fddc8a1b34ceacb04feeb1e10b18fbf612253c29fa6afdd7a4c624f19d9d873d7b0b213070000001d0000006d657373616765826abbeb501bcd1a01010100000000001700000000000000160000000000000088531e18240a060088531e18240a0600018f0000000070008000000000000023e3b0165e90cb57a01e92dd47ddebc3aeb80a042d4a0c2f07dcac2afb54e4dac2bef89bf59f4389bce0e3e618fb82991baed1b7640ffaeec7ff65c4ce701acb02091c2e5cb2607cc515a8c8fde57b48be070000001d0000006d6573736167653490993fc0acd54401010100000000001800000000000000170000000000000088531e18240a060088531e18240a0600018f0000000070008000000000000024cf11dfd18bb884f78a3fefd9280bb79e43ac7942cda8851440afa51fe196d04fe38626bd495548161c220cc05e91383c36a5e1f2467d066f6182090d80dcc3b38aa54a2a36c6ed45574ff661662990c9070000001d0000006d6573736167656bb1b1d709f02a3f01010100000000001900000000000000180000000000000088531e18240a060088531e18240a0600018f0000000070008000000000000025c75edfc16ac78ee5bb133503d6c16e09c3bc2a2720aff16e059c7a5cf55297b2a268045a2d3229844541dfa27c61939ec0939ca62010c593e0901161b2a37eb727dcc5c4417bc824a3ad1685aee4a434070000001d0000006d6573736167658cdec6f33d03fb9001010100000000001a00000000000000190000000000000088531e18240a060088531e18240a0600018f00000000700080000000000000260a120f3b0efc17e1c544ed28b97b757612002b2c5c020e39d6e8d546aa771148b16937be75e3577b3c624211b8d2930149b20d875e0de794d0f25316f36fe01ab79442dca0504946bcf4ec3211e874fe070000001d0000006d65737361676510afd414cc2c772b01010100000000001b000000000000001a0000000000000088531e18240a060088531e18240a0600018f00000000700080000000000000271f737ad7f65aae04455d208f0fa69db402c3dc78aa06c5b2eee2bfb850b0358d0851a050506a164db22f083ab40bdb2121c99b977a22101612bb67868bcab8073ad0fe37671ee7b253ae4150b365b13a070000001d0000006d6573736167655456718b6316669e01010100000000001c000000000000001b0000000000000088531e18240a060088531e18240a0600018f000000007000800000000000002879148ddd49930647d1e03cff80a56d794f6a5c55644ca4d71656624a962f73b2a61b8104ee71978d6fd0aa0bb8c3ba7d5b84defc99beac699142c43703ee30449e3091e8f4a24aa1bf66f44c802e22c4070000001d0000006d657373616765ea2b1121dba368ab01010100000000001d000000000000001c0000000000000088531e18240a060088531e18240a0600018f0000000070008000000000000029ebac63de40dcb6d5687cd6c2f71436c0738ba4774e8ff31c3931a46a8da43e693d56b9033757e3294ab4e1e5ba0271c02b024e8d2ad85ba36ad23441f08395f717f5bf3ee7b597517106c4664ffa15d2070000001d0000006d65737361676565cc5de59e0e538f01010100000000001e000000000000001d0000000000000088531e18240a060088531e18240a0600018f000000007000800000000000003037adab40bedfcf88c138919307a2508c03452c01800ea5a6d799ee2d88b023c36b877ee97096a39ef00ad2c0dd2b21b199d56d9f09b733d6406ae95b89e31834c4130e1d0d825c1f97a65e83c5d88fad070000001d0000006d6573736167658a874236edea800401010100000000001f000000000000001e0000000000000088531e18240a060088531e18240a0600018f00000000700080000000000000314054ce5e6495389afc85bf73ab65dcd12972f8371de341434ac95bed698c79d4eb601bee366cfc69b98b72922cd440d0a1bdaed8eeeb0ad7ecb15b023c420562487ba24a11fcfc588c3537f8ac72702d070000001d0000006d657373616765bb71b5ccfd8ec835010101000000000020000000000000001f0000000000000088531e18240a060088531e18240a0600018f0000000070008000000000000032a0286d55b3b3782b46b381d53ec2db883e4de7145601eab6a9b5d82218847057f5e8f6375b4abbb738679cd1969e766002a5de05350d6e0bfe80da6be8e4720ac03061dc9a88a2d00dd10decc620d008070000001d0000006d6573736167656af081fd3a990de101010100000000002100000000000000200000000000000088531e18240a060088531e18240a0600018f0000000070008000000000000033253b16e3858948cde11d185befba98c3e74d9dd0f08016285e20e556632da8446b091c568a88df9d291811d0d72debe3e814645a66378fa82087e336b2dc41ab1a37033285be59e23b78733173944898070000001d0000006d657373616765443704ec823ea95501010100000000002200000000000000210000000000000088531e18240a060088531e18240a0600018f00000000700080000000000000348580788ecbbae77d6ff878d07da286f7aa8174369db3e5b1c4a322a7d1f14588fcaf005ff46748276f79c3adc23fe537dd7c16c38146b3f6cfbd90cf599971c3631b2606f85c39a2b93f61626ca09162070000001d0000006d6573736167658148d0172bbed7f301010100000000002300000000000000220000000000000088531e18240a060088531e18240a0600018f0000000070008000000000000035dd5b9a5dbe8142af49093099c55a5705e33bb6f4b97196f96396cbc7171f02a4d454e68aec16f9750d2c9d29f4e7a31c624d5fa0b679ea13468c578e8f36a249fecd383c9c7e3efa273ea0e0e97cc8b0070000001d0000006d657373616765404b738f29a1a62101010100000000002400000000000000230000000000000088531e18240a060088531e18240a0600018f00000000700080000000000000362e2f7cf3c44158dae4981df60caf4c0ae1156002bfa1ba9e2465f1d81558e2532b7ce4c2469b0d9c6220b42776ad7f063ee63909b152985c24c1c5c0b89665b62e4037af895074997618408da1707b65070000001d0000006d6573736167658e625452bd2d89ab01010100000000002500000000000000240000000000000088531e18240a060088531e18240a0600018f00000000700080000000000000371d569a62f5f608d8cac410b3b7b1d42d9b6687fd5c7fd2473990a262943876b86094c4d892930a9882df9610f6fdfd1e6e82ea77fcc7adad94e5c7e1aefd4b4f84cd8b1ff15eeea4b6fc72c9ec715d3f070000001d0000006d65737361676500167f69d11d26c701010100000000002600000000000000250000000000000088531e18240a060088531e18240a0600018f0000000070008000000000000038993007f8c8df5ef997e037275a24901006c8820f8a8c0b0484d77777cb682a93911ee1250971fb6a57ff894f5c363d9ebad283d3f6491117a945189f4b6784d97c6257e224c8771ec0d606b590da5665070000001d0000006d657373616765e6e97d8f5e6093b701010100000000002700000000000000260000000000000088531e18240a060088531e18240a0600018f0000000070008000000000000039b48653a4c824c1796123c04041269c71b87d208c0e92883382041454a0d862484912499721c53164269d586e4ac233251ed506138a4577a407e8e391d62ff95c864c93cd5f56bee4e5efaf95aa019b5f070000001d0000006d6573736167654d0c5fb586e822e401010100000000002800000000000000270000000000000088531e18240a060088531e18240a0600018f000000007000800000000000004076e1c458ccc2a8f10fc4e65c99375a08008b515799b7db1ffdc59d031fa5dd6dfc388cf51be24b3023a92c9fef8cc953ea84c2064afae39a7eca92221e1db67b35a00eb1052a6b6e941db9a9824aca7a070000001d0000006d657373616765dd000000289182a4726f6c65a475736572a7636f6e74656e74a7656e74727920309182a4726f6c65a475736572a7636f6e74656e74a7656e74727920319182a4726f6c65a475736572a7636f6e74656e74a7656e74727920329182a4726f6c65a475736572a7636f6e74656e74a7656e74727920339182a4726f6c65a475736572a7636f6e74656e74a7656e74727920349182a4726f6c65a475736572a7636f6e74656e74a7656e74727920359182a4726f6c65a475736572a7636f6e74656e74a7656e74727920369182a4726f6c65a475736572a7636f6e74656e74a7656e74727920379182a4726f6c65a475736572a7636f6e74656e74a7656e74727920389182a4726f6c65a475736572a7636f6e74656e74a7656e74727920399182a4726f6c65a475736572a7636f6e74656e74a8656e7472792031309182a4726f6c65a475736572a7636f6e74656e74a8656e7472792031319182a4726f6c65a475736572a7636f6e74656e74a8656e7472792031329182a4726f6c65a475736572a7636f6e74656e74a8656e7472792031339182a4726f6c65a475736572a7636f6e74656e74a8656e7472792031349182a4726f6c65a475736572a7636f6e74656e74a8656e7472792031359182a4726f6c65a475736572a7636f6e74656e74a8656e7472792031369182a4726f6c65a475736572a7636f6e74656e74a8656e7472792031379182a4726f6c65a475736572a7636f6e74656e74a8656e7472792031389182a4726f6c65a475736572a7636f6e74656e74a8656e7472792031399182a4726f6c65a475736572a7636f6e74656e74a8656e7472792032309182a4726f6c65a475736572a7636f6e74656e74a8656e7472792032319182a4726f6c65a475736572a7636f6e74656e74a8656e7472792032329182a4726f6c65a475736572a7636f6e74656e74a8656e7472792032339182a4726f6c65a475736572a7636f6e74656e74a8656e7472792032349182a4726f6c65a475736572a7636f6e74656e74a8656e7472792032359182a4726f6c65a475736572a7636f6e74656e74a8656e7472792032369182a4726f6c65a475736572a7636f6e74656e74a8656e7472792032379182a4726f6c65a475736572a7636f6e74656e74a8656e7472792032389182a4726f6c65a475736572a7636f6e74656e74a8656e7472792032399182a4726f6c65a475736572a7636f6e74656e74a8656e7472792033309182a4726f6c65a475736572a7636f6e74656e74a8656e7472792033319182a4726f6c65a475736572a7636f6e74656e74a8656e7472792033329182a4726f6c65a475736572a7636f6e74656e74a8656e7472792033339182a4726f6c65a475736572a7636f6e74656e74a8656e7472792033349182a4726f6c65a475736572a7636f6e74656e74a8656e7472792033359182a4726f6c65a475736572a7636f6e74656e74a8656e7472792033369182a4726f6c65a475736572a7636f6e74656e74a8656e7472792033379182a4726f6c65a475736572a7636f6e74656e74a8656e7472792033389182a4726f6c65a475736572a7636f6e74656e74a8656e747279203339656c61e0f848aee09bc9b7106b18a0de
\.



COPY public.journal_session (key, id, scope, named, tenant, owner, workspace, name, created_us, updated_us, entries, messages, sealed, tail_bytes, changes, chain, parent, forked_at, is_erased) FROM stdin;
1	\\x0190f3b4000070008000000000000001	\\x383eadaefdc3f67691573ee6d8675503	\\xc51836e83203e7037c559fb06b5450a088c37dd8e0eae3ea29c40b952fafa6cb	\\x6c6f63616c	\\x6c6f63616c	\\x2f776f726b	\\x74616c6b	1700000000000000	1700000000015000	51	51	40	2438	1	\\x7c6fa49ae025a35beeaa84878ae3c28edda61ec0df42da2ed55e05909a1cbd52	\N	0	f
2	\\x0190f3b4000070008000000000000002	\\x383eadaefdc3f67691573ee6d8675503	\\xdc4b2e7b82ffcabce8c9192391691e397b92362556eac8138fb95b46c476ec31	\\x6c6f63616c	\\x6c6f63616c	\\x2f776f726b	\\x666f726b	1700000000015000	1700000000020000	46	46	45	207	0	\\xd2ff3cdfe477fee224a1839902434bf1ab08e021d0a4d4394e23059766aa2e06	1	45	f
3	\\x0190f3b4000070008000000000000003	\\xe2bdd50733c429788686b075bf584cb3	\\x233f387622eaa35c10e562ac77064cf09707dcf220984ff0817a31bbad339b45	\\x6c6f63616c	\\x6d697261	\\x2f776f726b	\\x74616c6b	1700000000020000	1700000000025000	1	1	0	212	0	\\xfb84f4f4526c9ce67e8ef89f44fcb4608eb7fa75c4519b4a922c279afb921848	\N	0	f
\.



COPY public.journal_tail (session, "position", before, frame) FROM stdin;
1	40	\\xea84c2064afae39a7eca92221e1db67b35a00eb1052a6b6e941db9a9824aca7a	\\x12d9230c5e6ff8a90190f3b400007000800000000000000101010100000000002900000000000000280000000000000010671e18240a060010671e18240a0600018f00000000700080000000000000411098a3d21841176a79b19b0878e3c445230e5c8836ca35f5cb63134be72368b389b3d7d3ee5df49bc43fbecb379580f92b64f19259383d00e56346a4ea67b6c74e503d447d47f19c134f9a944bd23f1f070000002d0000006d6573736167659182a4726f6c65a475736572a7636f6e74656e74b8656e747279203430206772c3b6c39f657220e6bca2e5ad97
1	41	\\x2b64f19259383d00e56346a4ea67b6c74e503d447d47f19c134f9a944bd23f1f	\\xf49d68be4e113a340190f3b400007000800000000000000101010100000000002a00000000000000290000000000000010671e18240a060010671e18240a0600018f0000000070008000000000000042a2a994cd94c4ac07d13c2c0a74ee9c94a514098f8d99425148d0eab6076696642a280d9a3aff230c8ab372b1922d8a07799bca089038bdd7a5050cadc3d23e619c36189a15b4517b38d66bc48f5ddb40070000002d0000006d6573736167659182a4726f6c65a475736572a7636f6e74656e74b8656e747279203431206772c3b6c39f657220e6bca2e5ad97
1	42	\\x799bca089038bdd7a5050cadc3d23e619c36189a15b4517b38d66bc48f5ddb40	\\x1fe552b040dac43d0190f3b400007000800000000000000101010100000000002b000000000000002a0000000000000010671e18240a060010671e18240a0600018f0000000070008000000000000043638e95f6d31d60cdafc9fcfc8c5f5a193855ed409ba87f8c73d1efc2a11ad5465111c3edb32278d80b2e857ec8cdd069eeadf2e3899c6d9e3771cd81665e83be7dd5c159d914431d5e6a81cc29a57dca070000002d0000006d6573736167659182a4726f6c65a475736572a7636f6e74656e74b8656e747279203432206772c3b6c39f657220e6bca2e5ad97
1	43	\\xeeadf2e3899c6d9e3771cd81665e83be7dd5c159d914431d5e6a81cc29a57dca	\\xcae764f8d31893450190f3b400007000800000000000000101010100000000002c000000000000002b0000000000000010671e18240a060010671e18240a0600018f0000000070008000000000000044d7397f7c42832aeb2a5eee13a0cc7f60311dafdc21e56b99dc63d8dc667a84a0a2fed242bfcb989dafe39121f960ba400ada7628ccba06abd15771db3bcbd957ddeaf3c9656c150efbe31d7d9dbb1473070000002d0000006d6573736167659182a4726f6c65a475736572a7636f6e74656e74b8656e747279203433206772c3b6c39f657220e6bca2e5ad97
1	44	\\x0ada7628ccba06abd15771db3bcbd957ddeaf3c9656c150efbe31d7d9dbb1473	\\xd4deaeba61afae880190f3b400007000800000000000000101010100000000002d000000000000002c0000000000000010671e18240a060010671e18240a0600018f00000000700080000000000000451217717c7fb0b49427086f5f64e3db2af31bc60abdd0c8ec896d4ca1cf7cc67d91150abd756aba07ddaf2ecea4df8fc2efae088956c12b9ad632e2a025d5310b4150121a9865c228466b179bde130af0070000002d0000006d6573736167659182a4726f6c65a475736572a7636f6e74656e74b8656e747279203434206772c3b6c39f657220e6bca2e5ad97
1	45	\\xefae088956c12b9ad632e2a025d5310b4150121a9865c228466b179bde130af0	\\x03f673b8112eba2a0190f3b400007000800000000000000101010100000000002e000000000000002d0000000000000010671e18240a060010671e18240a0600018f00000000700080000000000000468808cbe44cd230b9b0b1d54358245869a24f5fa8555bf15c0df79c4e35c785d9c334d652b51e9d52292efbd971b341d4bff414be6bcea7c3ad561ea1eab21d52cf1ab661a341a60cbac163dcde56c846070000002d0000006d6573736167659182a4726f6c65a475736572a7636f6e74656e74b8656e747279203435206772c3b6c39f657220e6bca2e5ad97
1	46	\\xbff414be6bcea7c3ad561ea1eab21d52cf1ab661a341a60cbac163dcde56c846	\\xf39ec7ded5a19b900190f3b400007000800000000000000101010100000000002f000000000000002e0000000000000010671e18240a060010671e18240a0600018f0000000070008000000000000047685b0c64ce5b00c22cc123eecba2841291f0c9b89310491b832ef1659c1ec2318091a6c307fd17db88af79beb5395e22bd5e95b36fe9478e17f99b4f3d17c730931716b39a30edca65d4cc0cb315f502070000002d0000006d6573736167659182a4726f6c65a475736572a7636f6e74656e74b8656e747279203436206772c3b6c39f657220e6bca2e5ad97
1	47	\\xbd5e95b36fe9478e17f99b4f3d17c730931716b39a30edca65d4cc0cb315f502	\\xdea573c0607cb3e10190f3b4000070008000000000000001010101000000000030000000000000002f0000000000000010671e18240a060010671e18240a0600018f0000000070008000000000000048cc2e0a5cb88bdd9e8d5613d264b56645f823d4a24bb602d026276ab506de055b5a0c2fa0dd3972aa170dbce3f88c818430787ad113f1d4436b615b5e291fbce41f194528bd2f4a9773a0d3037cb58774070000002d0000006d6573736167659182a4726f6c65a475736572a7636f6e74656e74b8656e747279203437206772c3b6c39f657220e6bca2e5ad97
1	48	\\x30787ad113f1d4436b615b5e291fbce41f194528bd2f4a9773a0d3037cb58774	\\xdd1f31de499759350190f3b400007000800000000000000101010100000000003100000000000000300000000000000010671e18240a060010671e18240a0600018f00000000700080000000000000490844bdeb3d4ef6c11c11ffedb4a267bbad3cab5ecc821c172e286dbf64abb6d02fbda677ad3b9e697d628187b7bad59668285a56f591ceca08c3ca91f7742b248cb42f44872120cba31bb5d0e19e2c5e070000002d0000006d6573736167659182a4726f6c65a475736572a7636f6e74656e74b8656e747279203438206772c3b6c39f657220e6bca2e5ad97
1	49	\\x68285a56f591ceca08c3ca91f7742b248cb42f44872120cba31bb5d0e19e2c5e	\\x7d83be0b1416266d0190f3b400007000800000000000000101010100000000003200000000000000310000000000000010671e18240a060010671e18240a0600018f00000000700080000000000000509d44770a0153d001a529af1955918e6ee9d318df569138404b75b9082c52126bded2107d27acd5f87a79a8e7adbdd40cb2875326e7ccb04a23dcc879898baafdd61635e3423c3e7d96f8c81f12607a53070000002d0000006d6573736167659182a4726f6c65a475736572a7636f6e74656e74b8656e747279203439206772c3b6c39f657220e6bca2e5ad97
1	50	\\xb2875326e7ccb04a23dcc879898baafdd61635e3423c3e7d96f8c81f12607a53	\\x9466d806b5aab5110190f3b4000070008000000000000001010101000000000033000000000000003200000000000000987a1e18240a0600987a1e18240a0600018f0000000070008000000000000051d2c351a9e81a088f90fed57e3f87e36f8a50fd6ba8d7c9f9f9fec85153f8e1878f5fb753e256f82a96fe7c35c1f16f767c6fa49ae025a35beeaa84878ae3c28edda61ec0df42da2ed55e05909a1cbd52070000003f0000006d6573736167659182a4726f6c65a475736572a7636f6e74656e74c728035d93d7ab29b59cc4854ec219a106d6410f36873f5bd41cfb2d4b23fb560d42f60000000000001770
2	45	\\xefae088956c12b9ad632e2a025d5310b4150121a9865c228466b179bde130af0	\\x941f039a804fb4430190f3b4000070008000000000000002010101000000000034000000000000002d00000000000000208e1e18240a0600208e1e18240a0600018f0000000070008000000000000052dbd506c8752dd33c38ba678df0c71229ad425426d19fdfeebd9860903bb85e96b484352525df2d9de7e08e726143789dd2ff3cdfe477fee224a1839902434bf1ab08e021d0a4d4394e23059766aa2e0607000000200000006d6573736167659182a4726f6c65a475736572a7636f6e74656e74ab696e2074686520666f726b
3	0	\\x0000000000000000000000000000000000000000000000000000000000000000	\\x5671d8ab211eca2b0190f3b4000070008000000000000003010101000000000035000000000000000000000000000000a8a11e18240a0600a8a11e18240a0600018f000000007000800000000000005321ebf185a6ad0807fa02ea2fd1de59cebae8652dc02e78080ed89237fee0d439322bdd965b897bf8e7948d7362a0f6d6fb84f4f4526c9ce67e8ef89f44fcb4608eb7fa75c4519b4a922c279afb92184807000000250000006d6573736167659182a4726f6c65a475736572a7636f6e74656e74b06f6620616e6f74686572206f776e6572
\.



SELECT pg_catalog.setval('public.journal_segment_number_seq', 1, true);



SELECT pg_catalog.setval('public.journal_session_key_seq', 3, true);



ALTER TABLE ONLY public.journal_blob
    ADD CONSTRAINT journal_blob_pkey PRIMARY KEY (scope, digest);



ALTER TABLE ONLY public.journal_blob_ref
    ADD CONSTRAINT journal_blob_ref_pkey PRIMARY KEY (scope, digest, session, "position");



ALTER TABLE ONLY public.journal_entry
    ADD CONSTRAINT journal_entry_pkey PRIMARY KEY (sequence);



ALTER TABLE ONLY public.journal_head
    ADD CONSTRAINT journal_head_pkey PRIMARY KEY (is_only);



ALTER TABLE ONLY public.journal_migration
    ADD CONSTRAINT journal_migration_pkey PRIMARY KEY (number);



ALTER TABLE ONLY public.journal_segment
    ADD CONSTRAINT journal_segment_pkey PRIMARY KEY (session, base);



ALTER TABLE ONLY public.journal_session
    ADD CONSTRAINT journal_session_id_key UNIQUE (id);



ALTER TABLE ONLY public.journal_session
    ADD CONSTRAINT journal_session_named_key UNIQUE (named);



ALTER TABLE ONLY public.journal_session
    ADD CONSTRAINT journal_session_pkey PRIMARY KEY (key);



ALTER TABLE ONLY public.journal_tail
    ADD CONSTRAINT journal_tail_pkey PRIMARY KEY (session, "position");



CREATE INDEX journal_blob_ref_entry ON public.journal_blob_ref USING btree (session, "position");



CREATE INDEX journal_entry_id ON public.journal_entry USING btree (id);



CREATE INDEX journal_session_parent ON public.journal_session USING btree (parent) WHERE (parent IS NOT NULL);



CREATE INDEX journal_session_scope ON public.journal_session USING btree (scope);




