"""Plans, holds and the ledger: what an account may use, and what it used, each token once.

A hold sets aside what a call needs before it is made; a usage entry of the journal closes it; the
ledger is what the journal's usage entries come to. Start with `Billing`.
"""

from typing import TYPE_CHECKING

from novacore import kit

if TYPE_CHECKING:
    from novacore.billing.accounts import NO_LIMIT
    from novacore.billing.config import Config
    from novacore.billing.errors import (
        BillingBusy,
        BillingClosed,
        BillingError,
        HoldsExpired,
        KeyAnswered,
        KeyInFlight,
        KeyReused,
        ModelNotInPlan,
        PlanUnknown,
        QuotaSpent,
        UsageMalformed,
    )
    from novacore.billing.model import (
        AccountPlan,
        Admission,
        Claim,
        DayUse,
        Drift,
        ExpiredHold,
        Hold,
        Quota,
        Reconciliation,
        ResourceUse,
        StoredReply,
    )
    from novacore.billing.plans import Plan
    from novacore.billing.service import Billing
    from novacore.billing.tables import FOLDER, METADATA
    from novacore.billing.usage import Usage, Watermark

__all__ = [
    "FOLDER",
    "METADATA",
    "NO_LIMIT",
    "AccountPlan",
    "Admission",
    "Billing",
    "BillingBusy",
    "BillingClosed",
    "BillingError",
    "Claim",
    "Config",
    "DayUse",
    "Drift",
    "ExpiredHold",
    "Hold",
    "HoldsExpired",
    "KeyAnswered",
    "KeyInFlight",
    "KeyReused",
    "ModelNotInPlan",
    "Plan",
    "PlanUnknown",
    "Quota",
    "QuotaSpent",
    "Reconciliation",
    "ResourceUse",
    "StoredReply",
    "Usage",
    "UsageMalformed",
    "Watermark",
]

__getattr__ = kit.late_names(
    __name__,
    {
        "accounts": ["NO_LIMIT"],
        "config": ["Config"],
        "errors": [
            "BillingBusy",
            "BillingClosed",
            "BillingError",
            "HoldsExpired",
            "KeyAnswered",
            "KeyInFlight",
            "KeyReused",
            "ModelNotInPlan",
            "PlanUnknown",
            "QuotaSpent",
            "UsageMalformed",
        ],
        "model": [
            "AccountPlan",
            "Admission",
            "Claim",
            "DayUse",
            "Drift",
            "ExpiredHold",
            "Hold",
            "Quota",
            "Reconciliation",
            "ResourceUse",
            "StoredReply",
        ],
        "plans": ["Plan"],
        "service": ["Billing"],
        "tables": ["FOLDER", "METADATA"],
        "usage": ["Usage", "Watermark"],
    },
)
