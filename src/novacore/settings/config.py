"""The settings that belong to no engine room: where the data lives, and the terminal."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from novacore import kit, llm


@dataclasses.dataclass(frozen=True, kw_only=True)
class RootConfig:
    """The settings outside every section of `nova.toml`."""

    data_dir: str = kit.setting(
        "~/.nova",
        doc="The folder that holds the journal, the models and the settings file.",
    )
    store: str = kit.setting(
        "journal",
        choices=("journal", "json"),
        doc="How sessions are kept: in the journal, or as one plain JSON file each.",
    )
    database_url: str = kit.setting(
        "",
        secret=True,
        doc="PostgreSQL as the home of the journal: postgresql://USER:PASSWORD@HOST/DATABASE. "
        "Empty: SQLite in the data directory.",
    )
    server_url: str = kit.setting(
        "",
        doc="A NovaCore server that holds the sessions and pays for the model, as "
        "https://nova.example.org; what the flag --server sets. Empty: all is here.",
    )
    server_key: str = kit.setting(
        "", secret=True, doc="The API key for that server. Not for the command line."
    )
    server_key_file: str = kit.setting(
        "", doc="A file that holds that key instead; what the flag --key-file sets."
    )
    models: Mapping[str, Any] | None = kit.setting(
        None,
        secret=True,
        doc="Further models that callers may ask for: one table [models.NAME] each, with provider, "
        "model, base_url, api_key, wire, window_tokens, output_tokens_max, plans, fallback, "
        "input_price_micros and output_price_micros.",
    )
    debug: bool = kit.setting(
        False, doc="Show where in the program an error came from, for a report."
    )

    def __post_init__(self) -> None:
        kit.check(self)
        llm.tables_of(self.models or {})


@dataclasses.dataclass(frozen=True, kw_only=True)
class CLIConfig:
    """The section `cli`: how the terminal looks and behaves."""

    color: str = kit.setting(
        "auto",
        choices=("auto", "always", "never"),
        doc="Colours: auto uses them on a terminal unless NO_COLOR is set.",
    )
    plain: bool = kit.setting(
        False, doc="Plain lines without cursor movement or colour, for screen readers."
    )
    width_columns_max: int = kit.setting(
        100, unit="columns", minimum=20, maximum=1_000, doc="Text is wrapped at this width or less."
    )
    thinking: bool = kit.setting(True, doc="Show what the model thinks, dimmed.")
    result_lines_max: int = kit.setting(
        4,
        unit="lines",
        minimum=0,
        maximum=1_000,
        doc="Lines of a tool's result shown before it is folded; /view shows all.",
    )
    resume: bool = kit.setting(
        True, doc="Start in this folder's last session; false starts a fresh one each time."
    )
    resume_messages: int = kit.setting(
        4,
        unit="messages",
        minimum=0,
        maximum=1_000,
        doc="The last messages of a resumed session shown at the start.",
    )
    escape_ms: int = kit.setting(
        60,
        unit="ms",
        minimum=10,
        maximum=2_000,
        doc="How long a lone Esc is waited on, to tell it from an arrow key; more for slow lines.",
    )
    history_entries_max: int = kit.setting(
        5_000,
        unit="entries",
        minimum=0,
        maximum=1_000_000,
        doc="Typed lines that are remembered; 0 remembers none.",
    )

    def __post_init__(self) -> None:
        kit.check(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class OpsConfig:
    """The section `ops`: backups and what watches over them."""

    backup_dir: str = kit.setting(
        "",
        doc="The folder of the backups, outside the data directory; empty: beside it, with "
        "-backups added to its name. Another disk is better.",
    )
    backup_key_file: str = kit.setting(
        "",
        doc="The file that holds the backups' key, outside the folder of the backups; empty: "
        "beside the data directory, with -backup.key added to its name. Keep a copy elsewhere.",
    )
    backup_keep_days: int = kit.setting(
        30,
        unit="days",
        minimum=1,
        maximum=36_500,
        doc="`nova backup prune` removes backups that are older; what was erased since goes then.",
    )
    backup_full_days: int = kit.setting(
        7,
        unit="days",
        minimum=0,
        maximum=3_650,
        doc="Backups hold what is new since the one before, on top of a full one that is at most "
        "this old.",
    )
    postgres_programs: str = kit.setting(
        "",
        doc="The folder of PostgreSQL's programs (pg_basebackup, pg_receivewal, postgres) for "
        "physical backups; empty: where the system has them.",
    )
    backup_warn_hours: int = kit.setting(
        48,
        unit="hours",
        minimum=1,
        maximum=87_600,
        doc="`nova doctor` warns when the newest verified backup is older.",
    )

    def __post_init__(self) -> None:
        kit.check(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MCPConfig:
    """The section `mcp`: the memory tools that `nova mcp` serves."""

    results_max: int = kit.setting(
        50,
        unit="results",
        minimum=1,
        maximum=1_000,
        doc="Most results of one recall, whatever the client asks for.",
    )
    page_entries_max: int = kit.setting(
        100,
        unit="entries",
        minimum=1,
        maximum=1_000,
        doc="Most entries on one page of a session or of the timeline.",
    )
    sessions_max: int = kit.setting(
        500,
        unit="sessions",
        minimum=1,
        maximum=100_000,
        doc="The timeline looks at so many sessions, those that were last active.",
    )
    text_chars_max: int = kit.setting(
        8_000,
        unit="characters",
        minimum=100,
        maximum=1_000_000,
        doc="A longer text of one entry is cut, and marked as cut.",
    )
    answer_chars_max: int = kit.setting(
        60_000,
        unit="characters",
        minimum=1_000,
        maximum=10_000_000,
        doc="One answer holds so many characters of entries; the rest is on the next page.",
    )
    request_bytes_max: int = kit.setting(
        4_194_304,
        unit="bytes",
        minimum=1_024,
        maximum=268_435_456,
        doc="Largest request over HTTP.",
    )
    clients_max: int = kit.setting(
        200,
        unit="clients",
        minimum=1,
        maximum=100_000,
        doc="Most clients connected over HTTP at once.",
    )
    idle_timeout_ms: int = kit.setting(
        1_800_000,
        unit="ms",
        minimum=1_000,
        doc="A client over HTTP that says nothing for so long is let go of.",
    )
    allowed_hosts: tuple[str, ...] = kit.setting(
        (),
        doc="Other names, with port, that clients reach the server under, behind a proxy for "
        "instance.",
    )

    def __post_init__(self) -> None:
        kit.check(self)
