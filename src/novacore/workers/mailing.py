"""Delivering the letters of the outbox: looked up, unsealed, and handed to the mailer."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from novacore import bootstrap, identity, mail
from novacore.workers.model import Job

_PAGES: Final[Mapping[str, str]] = {
    "limit_80": "/usage",
    "limit_100": "/usage",
    "trial_reminder": "/usage",
    "trial_ended": "/usage",
    "export_ready": "/settings",
    "new_device": "/settings",
    "password_changed": "/settings",
    "session_reused": "/settings",
    "address_changed": "/settings",
}
"""Where a letter leads whose sender named no link."""


def deliver(platform: "bootstrap.Platform", job: Job) -> None:
    """Deliver a letter. One to an account that is gone meanwhile goes nowhere.

    Its secrets are unsealed here, in the memory of this step, and stored nowhere.

    Raises:
        MailError: see `mail.Mailer.deliver`.
        VaultDiffers: another key file sealed it.
    """
    payload: dict[str, Any] = dict(job.payload)
    if "to" not in payload:
        try:
            payload["to"] = platform.identity.accounts.get(payload["account_id"]).email
        except identity.AccountUnknown:
            return
        if not payload["to"]:
            return
    letter = platform.identity.unseal_mail(payload)
    params = dict(letter.params)
    if not params.get("link") and (page := _PAGES.get(letter.template)):
        params["link"] = platform.chosen.server.base_url + page
    message = mail.Message(id=job.id, template=letter.template, to=letter.to, params=params)
    asyncio.run(platform.mailer.deliver(message))
