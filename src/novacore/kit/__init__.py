"""The floor every room stands on: clock, ids, limits, files and the root of all errors.

It knows no word of the domain and imports nothing of ours. Start with `errors`, then `limits`.
"""

from typing import TYPE_CHECKING

from novacore.kit.atomic_file import replaced, sync_folder
from novacore.kit.clock import Clock, FixedClock, SystemClock
from novacore.kit.correlation import (
    Trace,
    current_trace,
    enter_trace,
    is_correlation_id,
    leave_trace,
    tracing,
)
from novacore.kit.errors import ErrorKind, NovaError
from novacore.kit.ids import derived_id, new_id, parse_id
from novacore.kit.late import late_names
from novacore.kit.limits import LimitInfo, SettingInvalid, check, limits_of, setting
from novacore.kit.redaction import person_digest, redacted, redacted_value

if TYPE_CHECKING:
    from novacore.kit.log_lines import LineHandler, LineWriter, encode_line, json_line, text_line
    from novacore.kit.waiting import result_of, to_end

__all__ = [
    "Clock",
    "ErrorKind",
    "FixedClock",
    "LimitInfo",
    "LineHandler",
    "LineWriter",
    "NovaError",
    "SettingInvalid",
    "SystemClock",
    "Trace",
    "check",
    "current_trace",
    "derived_id",
    "encode_line",
    "enter_trace",
    "is_correlation_id",
    "json_line",
    "late_names",
    "leave_trace",
    "limits_of",
    "new_id",
    "parse_id",
    "person_digest",
    "redacted",
    "redacted_value",
    "replaced",
    "result_of",
    "setting",
    "sync_folder",
    "text_line",
    "to_end",
    "tracing",
]

__getattr__ = late_names(
    __name__,
    {
        "log_lines": ["LineHandler", "LineWriter", "encode_line", "json_line", "text_line"],
        "waiting": ["result_of", "to_end"],
    },
)
