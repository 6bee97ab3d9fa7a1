"""What can go wrong with the business database.

NovaError
└── DatabaseError
    ├── DatabaseUnusable
    ├── DatabaseTooNew
    └── DatabaseUnavailable
"""

from novacore.kit import ErrorKind, NovaError


class DatabaseError(NovaError):
    """The database of accounts and usage refused."""


class DatabaseUnusable(DatabaseError):
    """The place can't hold the database of accounts and usage."""


class DatabaseTooNew(DatabaseError):
    """A newer NovaCore wrote the database of accounts and usage."""


class DatabaseUnavailable(DatabaseError):
    """The database of accounts and usage can't be reached now."""

    kind = ErrorKind.UNAVAILABLE
