"""Vectors: exact while they are few, nearly so when they are many."""

import numpy as np
import pytest

from novacore.memory.recall.vectors import Graph, Vectors

_SIZE = 600


def _rows(count: int, seed: int = 3) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, 16)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _filled(rows: np.ndarray, *, exact_max: int, step: int) -> Vectors:
    vectors = Vectors("test", exact_max=exact_max)
    for at in range(0, len(rows), step):
        part = rows[at : at + step]
        vectors.grow(at + len(part))
        vectors.put(np.arange(at, at + len(part), dtype=np.int32), part)
        vectors.weave(2 * len(part))
        vectors.nearest(rows[0], 3, allowed=np.ones(at + len(part), np.bool_))
    return vectors


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("novacore.memory.recall.vectors.BLOCK", 64)
    monkeypatch.setattr("novacore.memory.recall.vectors._FEW", 20)


def test_the_nearest_are_exact_below_the_bound() -> None:
    rows = _rows(_SIZE)
    vectors = _filled(rows, exact_max=_SIZE, step=37)
    assert vectors.graph is None
    everything = np.ones(_SIZE, np.bool_)
    for query in _rows(10, seed=8):
        expected = np.argsort(-(rows @ query))[:10]
        assert len(set(vectors.nearest(query, 10, allowed=everything)) & set(expected)) >= 9


def test_above_it_the_graph_finds_nearly_all_of_them() -> None:
    rows = _rows(_SIZE)
    vectors = _filled(rows, exact_max=100, step=37)
    assert vectors.graph is not None
    assert vectors.woven == _SIZE - 100
    everything = np.ones(_SIZE, np.bool_)
    found = 0
    for query in _rows(20, seed=9):
        expected = set(np.argsort(-(rows @ query))[:10].tolist())
        found += len(expected & set(vectors.nearest(query, 10, allowed=everything).tolist()))
    assert found >= 180


@pytest.mark.parametrize("allowed_count", [5, 50, 300])
def test_filters_do_not_starve_the_nearest(allowed_count: int) -> None:
    rows = _rows(_SIZE)
    vectors = _filled(rows, exact_max=100, step=100)
    allowed = np.zeros(_SIZE, np.bool_)
    allowed[np.random.default_rng(1).permutation(_SIZE)[:allowed_count]] = True
    found = vectors.nearest(_rows(1, seed=4)[0], 5, allowed=allowed)
    assert len(found) == 5
    assert allowed[found].all()


def test_cleared_rows_are_zero_and_found_no_more() -> None:
    rows = _rows(_SIZE)
    vectors = _filled(rows, exact_max=100, step=100)
    gone = np.array([3, 550], np.int32)
    vectors.clear(gone)
    assert not vectors.rows(gone).any()
    assert not vectors.block(0)[3].any()
    everything = np.ones(_SIZE, np.bool_)
    for number in gone:
        assert number not in vectors.nearest(rows[number], 5, allowed=everything)
    assert len(vectors.missing()) == 0


def test_a_graph_comes_back_from_its_bytes() -> None:
    rows = _rows(50)
    graph = Graph(16)
    graph.add(np.arange(50, dtype=np.int32), rows)
    again = Graph(16)
    again.load(graph.save())
    assert len(again) == 50
    assert again.search(rows[7], 1)[0] == 7
