"""Bootstrap: the only place that picks implementations, from settings.

It opens the session store that is set, the model that is set or found, an agent over both, and the
tiers with the process that keeps them up to date.
Start with `open_store`.
"""

from novacore.bootstrap.data_dir import prepare_data_dir
from novacore.bootstrap.tiers import open_tiers, projecting
from novacore.bootstrap.wiring import open_agent, open_model, open_store

__all__ = ["open_agent", "open_model", "open_store", "open_tiers", "prepare_data_dir", "projecting"]
