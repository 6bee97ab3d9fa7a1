"""Bootstrap: the only place that picks implementations, from settings.

It opens the session store that is set, the model that is set or found, and an agent over both.
Start with `open_store`.
"""

from novacore.bootstrap.data_dir import prepare_data_dir
from novacore.bootstrap.wiring import open_agent, open_model, open_store

__all__ = ["open_agent", "open_model", "open_store", "prepare_data_dir"]
