"""Bootstrap: the only place that picks implementations, from settings.

It opens the session store that is set with recall and memories around it, the model that is set or
found, an agent over both, and the tiers with the process that keeps them up to date; and, for the
server, the platform. Start with `open_store`.
"""

from typing import TYPE_CHECKING

from novacore import kit
from novacore.bootstrap.address import announced
from novacore.bootstrap.business import (
    DATABASE_FILE,
    KEYS_FOLDER,
    business_place,
    note_erased_accounts,
    read_erased_accounts,
)
from novacore.bootstrap.data_dir import prepare_data_dir
from novacore.bootstrap.embedding import open_embedder
from novacore.bootstrap.erasing import (
    ErasureReport,
    Reached,
    Target,
    erase,
    find_agent,
    find_owner,
    find_session,
)
from novacore.bootstrap.learning import learn
from novacore.bootstrap.library import MemoryStore, open_library, open_store
from novacore.bootstrap.remembering_store import RememberingStore
from novacore.bootstrap.replicas import open_place, open_replica
from novacore.bootstrap.tiers import open_tiers, projecting
from novacore.bootstrap.wiring import open_agent, open_model

if TYPE_CHECKING:
    from novacore.bootstrap.accounts import Accounts, open_accounts
    from novacore.bootstrap.platform import FOLDERS, Platform, open_database, open_platform

__all__ = [
    "DATABASE_FILE",
    "FOLDERS",
    "KEYS_FOLDER",
    "Accounts",
    "ErasureReport",
    "MemoryStore",
    "Platform",
    "Reached",
    "RememberingStore",
    "Target",
    "announced",
    "business_place",
    "erase",
    "find_agent",
    "find_owner",
    "find_session",
    "learn",
    "note_erased_accounts",
    "open_accounts",
    "open_agent",
    "open_database",
    "open_embedder",
    "open_library",
    "open_model",
    "open_place",
    "open_platform",
    "open_replica",
    "open_store",
    "open_tiers",
    "prepare_data_dir",
    "projecting",
    "read_erased_accounts",
]

__getattr__ = kit.late_names(
    __name__,
    {
        "accounts": ["Accounts", "open_accounts"],
        "platform": ["FOLDERS", "Platform", "open_database", "open_platform"],
    },
)
