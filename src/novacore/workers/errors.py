"""What can go wrong with work behind the request.

NovaError
└── WorkError
    ├── ExportMissing REFUSED      there is no such export of this account, or it was removed
    ├── WorkUnknown   REFUSED      nobody here knows how to do this kind of work
    ├── WorkRunning   REFUSED      this process carries out work already
    ├── WorkFailed    UNAVAILABLE  a step could not be done now; it is tried again
    └── WorkUnsound   CORRUPT      what was found proves that something is wrong; a person looks
"""

from novacore.kit import ErrorKind, NovaError


class WorkError(NovaError):
    """Work behind the request could not be done."""


class ExportMissing(WorkError):
    """There is no such export of this account, or it was removed."""


class WorkUnknown(WorkError):
    """Nobody here knows how to do this kind of work."""


class WorkRunning(WorkError):
    """This process carries out work already."""


class WorkFailed(WorkError):
    """A step could not be done now; it is tried again."""

    kind = ErrorKind.UNAVAILABLE


class WorkUnsound(WorkError):
    """What was found proves that something is wrong."""

    kind = ErrorKind.CORRUPT
