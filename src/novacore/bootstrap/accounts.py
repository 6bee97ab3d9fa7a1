"""Accounts and plans without a server around them, for commands of the administrator."""

import contextlib
import dataclasses
from collections.abc import Generator

from novacore import billing, identity, kit, settings
from novacore.bootstrap.address import address_of
from novacore.bootstrap.business import KEYS_FOLDER
from novacore.bootstrap.data_dir import prepare_data_dir
from novacore.bootstrap.platform import is_public, open_database


@dataclasses.dataclass(frozen=True, kw_only=True)
class Accounts:
    """What commands about accounts use."""

    identity: identity.Identity
    billing: billing.Billing


@contextlib.contextmanager
def open_accounts(
    chosen: settings.Settings, *, clock: kit.Clock | None = None
) -> Generator[Accounts]:
    """Accounts and plans of the server with these settings; it may run meanwhile.

    Args:
        chosen: the settings.
        clock: the time, for tests; None: the machine's.

    Raises:
        SettingsError: the data directory can't be made.
        DatabaseError: the business database can't be opened, or a newer release wrote it.
    """
    time = clock or kit.SystemClock()
    prepare_data_dir(chosen)
    with contextlib.ExitStack() as closing:
        opened = open_database(chosen, clock=clock)
        closing.callback(opened.close)
        people = identity.Identity(
            opened,
            config=chosen.identity,
            clock=time,
            vault=identity.open_vault(chosen.data_dir / KEYS_FOLDER),
            public_url=address_of(chosen),
            is_public=is_public(chosen.server),
        )
        closing.callback(people.close)
        plans = billing.Billing(opened, config=chosen.billing, clock=time)
        closing.callback(plans.close)
        yield Accounts(identity=people, billing=plans)
