"""Who answers: the model that was asked for, and its fallbacks, in the order of their turns."""

import dataclasses
from collections.abc import Callable

from novacore import llm


def with_fallbacks(catalog: llm.Catalog, name: str) -> list[llm.CatalogModel]:
    """The model of this name, then its fallback, that one's, and so on; each once.

    Raises:
        llm.ModelNotListed: there is none of that name.
    """
    models = [catalog.find(name)]
    while models[-1].fallback:
        further = catalog.find(models[-1].fallback)
        if further in models:
            break
        models.append(further)
    return models


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lineup:
    """The models that may answer one turn."""

    models: tuple[llm.CatalogModel, ...]
    """The one that was asked for first."""
    opened: tuple[llm.Model, ...]
    """The same, as the agent uses them."""

    @property
    def first(self) -> llm.CatalogModel:
        """The model that was asked for."""
        return self.models[0]

    @property
    def tokens_percent(self) -> int:
        """How much larger than the first one's a count of tokens may be, of whoever answers."""
        percents = [each.choice.tokens_percent for each in self.models]
        return max(percents) * 100 // percents[0]

    def find(self, info: llm.ModelInfo) -> llm.CatalogModel:
        """Which of them this is, as the agent knows it."""
        # By identity: two tables may name one provider's model twice, with different keys.
        return next(
            model
            for model, opened in zip(self.models, self.opened, strict=True)
            if opened.info is info
        )


def lineup(
    catalog: llm.Catalog, name: str, *, is_allowed: Callable[[llm.CatalogModel], bool]
) -> Lineup:
    """The model of this name and those of its fallbacks that are allowed.

    Raises:
        llm.ModelNotListed: there is none of that name.
    """
    first, *further = with_fallbacks(catalog, name)
    models = (first, *filter(is_allowed, further))
    return Lineup(models=models, opened=tuple(catalog.opened(each.name) for each in models))
