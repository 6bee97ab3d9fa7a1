"""What `nova doctor` says of the backups: whether there is one that counts, and how old it is."""

from novacore import kit, ops, settings
from novacore.cli import places
from novacore.cli.examining import Finding, State

_HOUR_S = 3_600


def examine_backups(chosen: settings.Settings) -> Finding:
    """The age of the newest verified backup."""
    try:
        catalog = places.peek_catalog(chosen)
        damaged = catalog.list_damaged()
        age_s = ops.backup_age_s(catalog, now_us=kit.SystemClock().now_us())
    except kit.NovaError as error:
        return _finding(State.WRONG, error.message, error.hint)
    if damaged:
        return _finding(State.WRONG, damaged[0].message, damaged[0].hint)
    if age_s is None:
        what = f"There is none in {catalog.folder} that was verified."
        return _finding(State.WARNING, what, "Make one: nova backup.")
    what = f"The newest that was restored as a test is {_told(age_s)} old."
    if age_s > chosen.ops.backup_warn_hours * _HOUR_S:
        return _finding(State.WARNING, what, "Make one: nova backup. Have it made every day.")
    return _finding(State.OK, what, "")


def _told(age_s: float) -> str:
    if age_s < 2 * _HOUR_S:
        return f"{age_s / 60:,.0f} minutes"
    return f"{age_s / _HOUR_S:,.0f} hours"


def _finding(state: State, what: str, mend: str) -> Finding:
    return Finding(name="backups", state=state, what=what, mend=mend)
