"""Errors of recall.

NovaError
└── RecallError
    ├── QueryRefused     REFUSED      the question or a filter can't be understood
    ├── RecallMissing    REFUSED      a package that recall needs is not installed
    └── IndexCorrupt     CORRUPT      a file of the index is not what was written; it is made anew
"""

from novacore.kit import ErrorKind, NovaError


class RecallError(NovaError):
    """Recall could not answer."""


class QueryRefused(RecallError):
    """The question or a filter can't be understood."""


class RecallMissing(RecallError):
    """A package that recall needs is not installed."""


class IndexCorrupt(RecallError):
    """A file of the recall index is damaged."""

    kind = ErrorKind.CORRUPT
