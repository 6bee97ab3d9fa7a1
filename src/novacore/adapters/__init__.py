"""Adapters: other frameworks' interfaces, with the journal behind them.

Each framework has a door of its own, which loads that framework and no other:
`novacore.adapters.langgraph`, `.openai_agents`, `.mcp`. This one holds what they share.
"""

from novacore.adapters.errors import (
    AdapterError,
    ConfigIncomplete,
    ExtraMissing,
    NameTooLong,
    ThreadBusy,
    ThreadTaken,
    ValueErased,
)

__all__ = [
    "AdapterError",
    "ConfigIncomplete",
    "ExtraMissing",
    "NameTooLong",
    "ThreadBusy",
    "ThreadTaken",
    "ValueErased",
]
