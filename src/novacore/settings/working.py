"""The section `workers`: work behind the request, and what is done by the clock."""

import dataclasses

from novacore import kit


@dataclasses.dataclass(frozen=True, kw_only=True)
class WorkersConfig:
    """The section `workers`: who carries out letters, exports, deletions and schedules, and how."""

    in_server: bool = kit.setting(
        True,
        doc="`nova serve` carries out work in its own process; false leaves it to `nova work`.",
    )
    concurrency: int = kit.setting(
        4,
        unit="workflows",
        minimum=1,
        maximum=256,
        doc="Workflows that one process carries out at once.",
    )
    poll_ms: int = kit.setting(
        1_000,
        unit="ms",
        minimum=10,
        maximum=600_000,
        doc="How often a process looks for work that other processes caused; its own wakes it.",
    )
    lease_ms: int = kit.setting(
        60_000,
        unit="ms",
        minimum=100,
        maximum=3_600_000,
        doc="Work that was taken and not begun is free for others after so long.",
    )
    beat_ms: int = kit.setting(
        5_000,
        unit="ms",
        minimum=10,
        maximum=600_000,
        doc="How often a process says that it lives.",
    )
    dead_after_ms: int = kit.setting(
        30_000,
        unit="ms",
        minimum=100,
        maximum=3_600_000,
        doc="Work of a process that said nothing for so long is taken over by others.",
    )
    attempts_max: int = kit.setting(
        20,
        unit="attempts",
        minimum=1,
        maximum=1_000,
        doc="Work that failed so often is given up and kept for the administrator.",
    )
    backoff_ms: int = kit.setting(
        10_000,
        unit="ms",
        minimum=1,
        maximum=3_600_000,
        doc="The wait after the first failure; it doubles with each further one.",
    )
    backoff_max_ms: int = kit.setting(
        3_600_000,
        unit="ms",
        minimum=1,
        maximum=86_400_000,
        doc="The longest wait between two attempts.",
    )
    drain_ms: int = kit.setting(
        15_000,
        unit="ms",
        minimum=0,
        maximum=3_600_000,
        doc="When told to stop, a process finishes what it began for so long; others go on with "
        "the rest.",
    )
    done_keep_days: int = kit.setting(
        3,
        unit="days",
        minimum=0,
        maximum=3_650,
        doc="How long is remembered that some work was done; what it said is forgotten at once.",
    )
    dead_keep_days: int = kit.setting(
        30,
        unit="days",
        minimum=1,
        maximum=3_650,
        doc="How long work that was given up is kept.",
    )
    export_keep_days: int = kit.setting(
        7,
        unit="days",
        minimum=1,
        maximum=365,
        doc="How long the export of an account's data can be fetched.",
    )
    daily_backup: bool = kit.setting(
        True, doc="Make and verify a backup every day, and remove those past ops.backup_keep_days."
    )

    def __post_init__(self) -> None:
        kit.check(self)
        if self.dead_after_ms < 2 * self.beat_ms:
            raise kit.SettingInvalid(
                f"dead_after_ms is {self.dead_after_ms!r}; expected at least twice beat_ms.",
                name="dead_after_ms",
            )
