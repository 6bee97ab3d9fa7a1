"""Server-sent events, however the network cuts them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacore import llm
from novacore.llm.sse import EventParser


def _read(*chunks: bytes, event_bytes_max: int = 1 << 20) -> list[bytes]:
    parser = EventParser(event_bytes_max=event_bytes_max)
    found = [data for chunk in chunks for data in parser.feed(chunk)]
    return [*found, *parser.flush()]


def test_an_event_ends_at_an_empty_line():
    assert _read(b"data: one\n\ndata: two\n\n") == [b"one", b"two"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_kind_of_line_end_is_understood(end):
    stream = end.join([b"event: x", b"data: one", b"", b"data: two", b"", b""])
    assert _read(stream) == [b"one", b"two"]


def test_comments_names_ids_and_unknown_fields_are_left_out():
    assert _read(b": ping\n\nevent: a\nid: 7\nretry: 5\nx\ndata: one\n\n") == [b"one"]


def test_data_over_several_lines_is_joined_by_line_feeds():
    assert _read(b'data: {"a":\ndata: 1}\n\n') == [b'{"a":\n1}']


def test_a_line_end_that_is_cut_in_two_ends_one_line():
    assert _read(b"data: 1\r", b"\ndata: 2\r\n\r", b"\n") == [b"1\n2"]


def test_only_one_space_after_the_colon_belongs_to_the_format():
    assert _read(b"data:one\n\ndata:  two\n\n") == [b"one", b" two"]


def test_a_byte_order_mark_at_the_start_is_skipped():
    assert _read(b"\xef\xbb", b"\xbfdata: one\n\n") == [b"one"]


def test_an_event_without_data_is_none():
    assert _read(b"event: ping\n\n\n\ndata: one\n\n") == [b"one"]


def test_an_empty_data_line_is_an_event_with_empty_data():
    assert _read(b"data\n\n") == [b""]


def test_a_last_event_without_its_empty_line_is_kept():
    assert _read(b"data: one\n\ndata: [DONE]") == [b"one", b"[DONE]"]


def test_an_event_larger_than_the_limit_breaks_the_stream_and_names_the_setting():
    with pytest.raises(llm.StreamBroken, match=r"llm\.event_bytes_max"):
        _read(b"data: " + b"x" * 100, b"x" * 100, event_bytes_max=150)


def test_an_event_of_many_lines_larger_than_the_limit_breaks_the_stream_too():
    with pytest.raises(llm.StreamBroken):
        _read(b"data: 12345\n" * 50, event_bytes_max=150)


def test_a_huge_line_in_small_pieces_is_read_whole():
    line = b"data: " + b"x" * 3_000_000 + b"\n\n"
    pieces = [line[start : start + 4_096] for start in range(0, len(line), 4_096)]
    assert _read(*pieces, event_bytes_max=1 << 23) == [line[6:-2]]


@given(
    events=st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), min_size=1)),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    cuts=st.lists(st.integers(0, 500), max_size=8),
)
def test_where_the_bytes_are_cut_makes_no_difference(events, end, cuts):
    stream = "".join(f"data: {event}{end}{end}" for event in events).encode()
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    chunks = [stream[a:b] for a, b in itertools.pairwise(places)]
    assert _read(*chunks) == [event.encode() for event in events]
