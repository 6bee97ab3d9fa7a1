"""The seven tiers: projections of the journal, each in the store that serves one need best.

A tier holds nothing of its own: it can be wiped and rebuilt, and `verify` proves that it holds what
the journal says. Start with `tier.py`, then `model.py`.
"""

from novacore.tiers.config import Config
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
from novacore.tiers.tier import Engine, Projection

__all__ = [
    "TIERS",
    "Batch",
    "BrokerReads",
    "Config",
    "Delivery",
    "DocumentReads",
    "Engine",
    "EngineMissing",
    "GraphReads",
    "Health",
    "HotReads",
    "Item",
    "ItemRefused",
    "Neighbour",
    "Projection",
    "Record",
    "Related",
    "RelationalReads",
    "SetAside",
    "StreamReads",
    "TierCorrupt",
    "TierError",
    "TierState",
    "TierUnavailable",
    "TierUnknown",
    "VectorReads",
    "Watermark",
]
