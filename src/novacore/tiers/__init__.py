"""The seven tiers: projections of the journal, each in the store that serves one need best.

A tier holds nothing of its own: it can be wiped and rebuilt, and `verify` proves that it holds what
the journal says. Start with `tier.py`, then `model.py`.
"""

from novacore.tiers.config import Config
from novacore.tiers.embedded.memory import MemoryEngine
from novacore.tiers.errors import (
    EngineMissing,
    ItemRefused,
    TierCorrupt,
    TierError,
    TierUnavailable,
    TierUnknown,
)
from novacore.tiers.model import (
    TIERS,
    Batch,
    Health,
    Item,
    Record,
    SetAside,
    TierState,
    Watermark,
)
from novacore.tiers.place import Embedder, Place
from novacore.tiers.reading import (
    BrokerReads,
    Delivery,
    DocumentReads,
    GraphReads,
    HotReads,
    Neighbour,
    Related,
    RelationalReads,
    StreamReads,
    VectorReads,
)
from novacore.tiers.runner import Runner
from novacore.tiers.service import TierSet, open_tiers
from novacore.tiers.status import TierStatus
from novacore.tiers.tier import Engine, Projection
from novacore.tiers.verify import Difference, Progress, TierReport

__all__ = [
    "TIERS",
    "Batch",
    "BrokerReads",
    "Config",
    "Delivery",
    "Difference",
    "DocumentReads",
    "Embedder",
    "Engine",
    "EngineMissing",
    "GraphReads",
    "Health",
    "HotReads",
    "Item",
    "ItemRefused",
    "MemoryEngine",
    "Neighbour",
    "Place",
    "Progress",
    "Projection",
    "Record",
    "Related",
    "RelationalReads",
    "Runner",
    "SetAside",
    "StreamReads",
    "TierCorrupt",
    "TierError",
    "TierReport",
    "TierSet",
    "TierState",
    "TierStatus",
    "TierUnavailable",
    "TierUnknown",
    "VectorReads",
    "Watermark",
    "open_tiers",
]
