"""The data directory: made private, used by its owner alone."""

from pathlib import Path

from novacore import settings

_PRIVATE_DIR = 0o700


def prepare_data_dir(chosen: settings.Settings) -> Path:
    """The data directory, made with mode 0700 where it is missing.

    The mode of a folder that is there already is left alone: it may be shared on purpose, and
    `nova doctor` speaks of it.

    Raises:
        SettingsError: it can't be made, or is no folder.
    """
    path = chosen.data_dir
    try:
        path.mkdir(mode=_PRIVATE_DIR, parents=True, exist_ok=True)
    except FileExistsError:
        raise settings.SettingsError(
            f"The data directory {path} is a file.",
            hint="Name another one with --data-dir or NOVA_DATA_DIR.",
        ) from None
    except OSError as error:
        raise settings.SettingsError(
            f"The data directory {path} can't be made: {error.strerror}.",
            hint="Name another one with --data-dir or NOVA_DATA_DIR.",
        ) from error
    return path
