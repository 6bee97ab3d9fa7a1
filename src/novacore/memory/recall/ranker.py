"""From features to one score: a logistic ranker with readable weights, or a fusion by ranges."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from novacore.memory.recall.features import FEATURES
from novacore.memory.recall.segment import Floats

WEIGHTS_FILE: Final = Path(__file__).with_name("weights.json")
"""The weights that ship; `make train-recall` makes them."""
FUSION: Final[Mapping[str, float]] = {
    "fields": 1.0, "vector_around": 0.3, "exact": 0.6, "phrase": 1.0, "recency": 0.05,
}  # fmt: skip
"""The fusion's weights: of the words, of the vectors, and of what must match as it stands."""
_FUSION_BIAS: Final = -0.5


@dataclass(frozen=True, kw_only=True)
class Ranker:
    """Adds up weighted features; the sum's logistic is the score."""

    name: str
    weights: Floats
    """In the order of `FEATURES`."""
    bias: float

    def logits(self, features: Floats) -> Floats:
        """The sums; shape (candidates,)."""
        return features @ self.weights + np.float32(self.bias)

    def parts(self, row: Floats) -> dict[str, float]:
        """What one candidate's sum is made of; features that add nothing are left out."""
        added = row * self.weights
        made = {"bias": self.bias}
        return made | {
            name: round(float(part), 4)
            for name, part in zip(FEATURES, added, strict=True)
            if abs(part) >= 5e-5
        }


def open_ranker(name: str) -> Ranker:
    """The ranker of that name: logistic or fusion."""
    if name == "fusion":
        return make_ranker("fusion", FUSION, bias=_FUSION_BIAS)
    told = json.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))
    return make_ranker("logistic", told["weights"], bias=told["bias"])


def make_ranker(name: str, weights: Mapping[str, float], *, bias: float = 0.0) -> Ranker:
    """A ranker of weights by feature name; a feature that is not named counts nothing."""
    unknown = set(weights).difference(FEATURES)
    if unknown:
        raise ValueError(f"No features: {', '.join(sorted(unknown))}.")
    row = np.array([weights.get(each, 0.0) for each in FEATURES], np.float32)
    return Ranker(name=name, weights=row, bias=bias)
