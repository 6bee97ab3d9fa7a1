"""A settings file without its secrets, to be kept with a backup."""

import re
import tomllib

from novacore.settings.keys import list_keys
from novacore.settings.load import ROOMS

_SECTION = re.compile(r"\s*\[\s*([^\]]+?)\s*\]")
_NAME = re.compile(r"\s*([A-Za-z0-9_.\"']+)\s*=")


def without_secrets(text: str) -> str:
    """The text of a settings file with every secret left out, and a remark in its place.

    Where one could not be left out, as by an unusual way of writing it, the whole text is: the
    result is empty.
    """
    secrets = {name for name, key in list_keys(ROOMS).items() if key.info.is_secret}
    section = ""
    kept: list[str] = []
    for line in text.splitlines():
        if found := _SECTION.match(line):
            section = found[1]
        named = _NAME.match(line)
        name = named[1].replace('"', "").replace("'", "") if named else ""
        full = f"{section}.{name}" if section else name
        kept.append(f"# {full}: left out of the backup" if full in secrets else line)
    shown = "\n".join(kept) + "\n"
    return shown if _is_clean(shown, secrets) else ""


def _is_clean(text: str, secrets: set[str]) -> bool:
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    for name in secrets:
        room, _, field = name.rpartition(".")
        table = told.get(room) if room else told
        if isinstance(table, dict) and field in table:
            return False
    return True
