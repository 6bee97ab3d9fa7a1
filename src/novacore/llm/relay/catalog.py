"""The models that may be asked for by name: the one of [llm], and one per `[models.NAME]` table."""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from novacore import kit
from novacore.llm.config import PROVIDERS as PROVIDER_NAMES
from novacore.llm.config import Config
from novacore.llm.detect import Choice, detect
from novacore.llm.errors import LLMError, ModelNotListed
from novacore.llm.model import Model
from novacore.llm.relay.guard import GuardedTransport
from novacore.llm.transport import Transport

DEFAULT_NAME = "default"
"""Another name of the model of [llm]."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelTable:
    """One `[models.NAME]` table of nova.toml. What it leaves out is as in [llm]."""

    provider: str = kit.setting(
        "auto", choices=PROVIDER_NAMES, doc="Who runs the model; auto: by base_url, model or key."
    )
    model: str = kit.setting("", doc="Its name as the provider knows it. Empty: NAME itself.")
    base_url: str = kit.setting("", doc="Address of the API. Empty: the provider's own.")
    api_key: str = kit.setting(
        "", secret=True, doc="The provider's key. Empty: the provider's usual variable."
    )
    wire: str = kit.setting(
        "auto", choices=("auto", "anthropic", "openai"), doc="The format spoken with the server."
    )
    window_tokens: int = kit.setting(
        0, unit="tokens", minimum=0, maximum=10_000_000, doc="The model's window. 0: as known."
    )
    output_tokens_max: int = kit.setting(
        0, unit="tokens", minimum=0, maximum=1_000_000, doc="The most of one answer. 0: as known."
    )
    plans: tuple[str, ...] = kit.setting((), doc="The plans that may use it. Empty: every plan.")
    fallback: str = kit.setting(
        "", doc="The model that answers instead while this one's provider fails. Empty: none."
    )
    input_price_micros: int = kit.setting(
        0, unit="millionths", minimum=0, doc="Price of a million input tokens."
    )
    output_price_micros: int = kit.setting(
        0, unit="millionths", minimum=0, doc="Price of a million output tokens."
    )

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            kit.SettingInvalid: names the field, its value, and what was expected.
        """
        kit.check(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CatalogModel:
    """A model that callers may ask for."""

    name: str
    """What callers call it."""
    aliases: tuple[str, ...]
    """Its other names."""
    choice: Choice
    """Everything that reaching it needs."""
    plans: tuple[str, ...]
    """The plans that may use it; empty: every plan."""
    fallback: str
    """The name of the model that answers while this one's provider fails; empty: none."""
    input_price_micros: int
    """Millionths of the currency for a million input tokens; 0: none is set."""
    output_price_micros: int
    """The same for a million output tokens."""
    transport: Transport = dataclasses.field(repr=False)
    """Reaches its provider, behind the provider's breaker."""

    @property
    def provider(self) -> str:
        """Who runs it."""
        return self.choice.provider

    @property
    def window_tokens(self) -> int:
        """Input and output that fit in one request."""
        return self.choice.window_tokens

    @property
    def output_tokens_max(self) -> int:
        """The most that one answer may have."""
        return self.choice.output_tokens_max

    @property
    def breaker_state(self) -> str:
        """closed, open or probing; closed where it has none."""
        transport = self.transport
        return transport.breaker.state if isinstance(transport, GuardedTransport) else "closed"

    @property
    def has_answered(self) -> bool:
        """Its provider answered since this process began; False: nothing is known of it."""
        transport = self.transport
        return isinstance(transport, GuardedTransport) and transport.breaker.has_answered

    @property
    def breaker_changes(self) -> int:
        """How often its provider's breaker changed its state."""
        transport = self.transport
        return transport.breaker.transitions if isinstance(transport, GuardedTransport) else 0

    def allows(self, plan: str) -> bool:
        """Whether somebody on this plan may use it."""
        return not self.plans or plan in self.plans


class Catalog:
    """The models by name. Made by `open_catalog`; closes what it opened."""

    def __init__(self, models: Sequence[CatalogModel], *, opened: Mapping[str, Model]) -> None:
        self._models = tuple(models)
        self._opened = dict(opened)
        self._by_name = {alias: model for model in models for alias in model.aliases}
        self._by_name |= {model.name: model for model in models}
        for model in models:
            if model.fallback and model.fallback not in self._by_name:
                raise _invalid(f"models.{model.name}.fallback", model.fallback, self._names())

    @property
    def default(self) -> CatalogModel:
        """The model of [llm]."""
        return self._by_name[DEFAULT_NAME]

    def __iter__(self) -> Iterator[CatalogModel]:
        """Every model, the one of [llm] first."""
        return iter(self._models)

    def find(self, name: str) -> CatalogModel:
        """The model of this name or alias; the empty name is the default's.

        Raises:
            ModelNotListed: there is none.
        """
        found = self._by_name.get(name or DEFAULT_NAME)
        if found is None:
            raise ModelNotListed(
                f"There is no model {name[:128]!r} here.",
                hint=f"There are: {', '.join(self._names())}.",
            )
        return found

    def opened(self, name: str = "") -> Model:
        """The model as the agent and the chat use it, over the same connections and breaker.

        Raises:
            ModelNotListed: there is none of that name.
        """
        return self._opened[self.find(name).name]

    def list_for(self, plan: str) -> list[CatalogModel]:
        """The models that somebody on this plan may use."""
        return [model for model in self._models if model.allows(plan)]

    async def close(self) -> None:
        """Close every connection, and end what was started. May be called more than once."""
        for model in self._models:
            await model.transport.close()

    def _names(self) -> list[str]:
        return [model.name for model in self._models]


def tables_of(models: Mapping[str, Any]) -> dict[str, ModelTable]:
    """The checked `[models.NAME]` tables.

    Raises:
        kit.SettingInvalid: a name, a field or a value is not what it can be.
    """
    found: dict[str, ModelTable] = {}
    known = {info.name for info in kit.limits_of(ModelTable)}
    for name, value in models.items():
        if not _NAME.fullmatch(name) or name == DEFAULT_NAME:
            words = f"{name!r} can't name a model; {DEFAULT_NAME!r} is the one of [llm]."
            raise kit.SettingInvalid(f"models: {words}", name="models")
        if not isinstance(value, Mapping):
            raise kit.SettingInvalid(f"models.{name} is no table.", name="models")
        given = dict(cast(Mapping[str, Any], value))
        for field in given.keys() - known:
            raise _invalid(f"models.{name}.{field}", given[field], sorted(known))
        found[name] = _table(name, given)
    return found


async def detect_all(
    config: Config, tables: Mapping[str, ModelTable], keys: Mapping[str, str]
) -> dict[str, Choice]:
    """What each table means, and the choice of [llm] under `DEFAULT_NAME`, which comes first.

    Raises:
        LLMError: a provider has no key, or an Ollama that was named does not answer.
    """
    choices = {DEFAULT_NAME: await detect(config, keys)}
    for name, table in tables.items():
        try:
            choices[name] = await detect(_config_of(config, name, table), keys)
        except LLMError as error:
            error.hint = f"{error.hint} It is the table [models.{name}].".strip()
            raise
    return choices


def _config_of(config: Config, name: str, table: ModelTable) -> Config:
    return dataclasses.replace(
        config,
        provider=table.provider,
        model=table.model or name,
        base_url=table.base_url,
        api_key=table.api_key,
        wire=table.wire,
        window_tokens=table.window_tokens,
        output_tokens_max=table.output_tokens_max,
    )


def _table(name: str, given: dict[str, Any]) -> ModelTable:
    for info in kit.limits_of(ModelTable):
        value: object = given.get(info.name, info.default)
        if isinstance(info.default, tuple):
            if not isinstance(value, list | tuple):
                raise _invalid(f"models.{name}.{info.name}", value, ["a list"])
            given[info.name] = tuple(str(each) for each in cast("list[Any]", value))
        elif type(value) is not type(info.default):
            expected = "a whole number" if isinstance(info.default, int) else "text"
            raise _invalid(f"models.{name}.{info.name}", value, [expected])
    try:
        return ModelTable(**given)
    except kit.SettingInvalid as error:
        raise kit.SettingInvalid(f"models.{name}.{error.message}", name="models") from error


def _invalid(name: str, value: object, expected: Sequence[str]) -> kit.SettingInvalid:
    shown = "the given value" if name.endswith("api_key") else repr(value)
    return kit.SettingInvalid(
        f"{name} is {shown}; expected {' or '.join(expected)}.", name="models"
    )
