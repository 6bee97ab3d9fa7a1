"""How well texts answer a query by the words that they share, where there is no index to ask."""

import math
import re
from collections import Counter
from collections.abc import Iterable

_WORD = re.compile(r"\w+")
_BM25_K, _BM25_B = 1.2, 0.5


def by_words(query: str, texts: Iterable[str]) -> list[float | None]:
    """The BM25 score of each text; None for one that shares no word with the query."""
    counts = [Counter(_WORD.findall(text.casefold())) for text in texts]
    words = set(_WORD.findall(query.casefold()))
    lengths = [sum(count.values()) for count in counts]
    mean = sum(lengths) / len(lengths) if lengths else 0.0
    weights = {
        word: math.log(1 + (len(counts) - having + 0.5) / (having + 0.5))
        for word in words
        if (having := sum(word in count for count in counts))
    }
    scores: list[float | None] = []
    for count, length in zip(counts, lengths, strict=True):
        norm = _BM25_K * (1 - _BM25_B + _BM25_B * length / (mean or 1))
        score = sum(
            weight * count[word] * (_BM25_K + 1) / (count[word] + norm)
            for word, weight in weights.items()
        )
        scores.append(score or None)
    return scores
