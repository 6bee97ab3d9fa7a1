"""Models and the calls of them, put together."""

import dataclasses
from collections.abc import Callable

from novacore import billing, chat, journal, kit, llm, settings
from novacore.bootstrap.library import MemoryStore


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelCalls:
    """What reaches models for accounts."""

    catalog: llm.Catalog
    """The models by name; close it when done."""
    calls: chat.Calls
    """Answers in the formats of OpenAI and Anthropic."""
    embeddings: chat.Embeddings
    """Vectors of texts."""


async def open_model_calls(
    chosen: settings.Settings,
    *,
    store: MemoryStore,
    remembering: chat.Remembering,
    open_session: Callable[[str, str], journal.Session],
    metering: chat.Metering,
    ledger: billing.Billing,
    policy: chat.Policy,
    clock: kit.Clock,
) -> ModelCalls:
    """The models that the settings name, and the calls of them. Connects to a local Ollama at most.

    Args:
        chosen: the settings.
        store: whose embedder is used.
        remembering: finds what was said earlier.
        open_session: opens or makes a conversation of an account, by id or name.
        metering: counts each call.
        ledger: keeps the replies of Idempotency-Keys.
        policy: reviews what goes in and out.
        clock: the time.

    Raises:
        SettingInvalid: a table of a model is not what it can be.
        LLMError: a provider has no key, or an Ollama that was named does not answer.
    """
    catalog = await llm.open_catalog(
        chosen.llm,
        tables=chosen.models or {},
        keys=chosen.vendor_keys,
        relay=chosen.relay,
        data_dir=chosen.data_dir,
        clock=clock,
    )
    sessions = chat.CallSessions(
        remembering=remembering,
        open_session=open_session,
        hits=chosen.chat.recall_hits,
        tokens_max=chosen.chat.recall_tokens_max,
        score_min=chosen.chat.recall_score_min,
    )
    calls = chat.Calls(
        catalog=catalog,
        relay=llm.Relay(chosen.relay, clock=clock),
        config=chosen.relay,
        metering=metering,
        ledger=ledger,
        policy=policy,
        sessions=sessions,
        clock=clock,
    )
    embeddings = chat.Embeddings(
        open_embedder=lambda: store.embedder,
        metering=metering,
        texts_max=chosen.relay.embedding_texts_max,
    )
    return ModelCalls(catalog=catalog, calls=calls, embeddings=embeddings)
