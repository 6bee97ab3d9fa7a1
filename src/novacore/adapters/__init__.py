"""Adapters: other frameworks' interfaces, with the journal behind them.

Each framework has a door of its own, which loads that framework and no other:
`novacore.adapters.langgraph`, `.openai_agents`, `.mcp`. This one holds what they share.
"""

from novacore.adapters.errors import (
    AdapterError,
    AddressInvalid,
    ArgumentsInvalid,
    ConfigIncomplete,
    ExtraMissing,
    NameTooLong,
    ThreadBusy,
    ThreadTaken,
    TokenExposed,
    ValueErased,
)

__all__ = [
    "AdapterError",
    "AddressInvalid",
    "ArgumentsInvalid",
    "ConfigIncomplete",
    "ExtraMissing",
    "NameTooLong",
    "ThreadBusy",
    "ThreadTaken",
    "TokenExposed",
    "ValueErased",
]
