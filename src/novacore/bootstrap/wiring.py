"""Which implementation serves which setting."""

from novacore import journal, llm, settings
from novacore.bootstrap.data_dir import prepare_data_dir


def open_store(chosen: settings.Settings) -> journal.JournalStore:
    """The session store that `store` names, in the data directory.

    Raises:
        SettingsError: the data directory can't be made.
        JournalError: it can't hold a store, or what it holds is damaged.
    """
    path = prepare_data_dir(chosen)
    return journal.open_store(path, config=chosen.journal)


async def open_model(chosen: settings.Settings) -> llm.Model:
    """The model that the settings name, or that is found. Connects to nothing but a local Ollama.

    Raises:
        LLMError: the chosen provider has no key, or Ollama was chosen and does not answer.
    """
    choice = await llm.detect(chosen.llm, chosen.vendor_keys)
    return llm.open_model(choice, data_dir=chosen.data_dir)
