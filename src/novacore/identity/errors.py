"""What can go wrong with accounts, sign-in and keys.

NovaError
└── IdentityError
    ├── AccountDisabled      REFUSED      an administrator switched the account off
    ├── AccountUnknown       REFUSED      no such account
    ├── AddressInvalid       REFUSED      no address of mail
    ├── AddressTaken         REFUSED      another account has the address
    ├── AgentUnknown         REFUSED      no such agent of this account
    ├── CredentialInvalid    REFUSED      no token or key that is good now
    ├── EmailNotVerified     REFUSED      the address is not confirmed yet
    ├── HasherBusy           UNAVAILABLE  too many passwords wait to be checked
    ├── KeyUnknown           REFUSED      no such API key of this account
    ├── LastAdministrator    REFUSED      somebody must stay to look after the others
    ├── LimitReached         REFUSED      as many keys or agents as there may be
    ├── LinkInvalid          REFUSED      a mailed link was used, ran out, or never was
    ├── NotAllowed           REFUSED      the role or the scopes do not reach so far
    ├── PasswordWeak         REFUSED      too short, too long, too common, or one's own address
    ├── PasswordWrong        REFUSED      the password that was asked for again is not right
    ├── ProfileInvalid       REFUSED      a name or preferences that can't be kept
    ├── RegistrationRefused  REFUSED      registration is closed, or by invitation
    ├── ScopeUnknown         REFUSED      a scope that does not exist or can't be given
    ├── SessionEnded         REFUSED      the sign-in is over
    ├── SessionUnknown       REFUSED      no such sign-in of this account
    ├── SignInFailed         REFUSED      address and password do not belong together
    ├── Throttled            REFUSED      too many attempts; wait
    └── VaultDiffers         CORRUPT      the key file is not the one that sealed the data
"""

from novacore.kit import ErrorKind, NovaError


class IdentityError(NovaError):
    """An account, a sign-in or a key was refused."""

    code = "refused"
    """The word by which programs know the error."""


class AccountDisabled(IdentityError):
    """This account is switched off."""

    code = "account_disabled"

    def __init__(self) -> None:
        super().__init__(hint="Ask an administrator of this server.")


class AccountUnknown(IdentityError):
    """There is no such account."""

    code = "account_not_found"


class AddressInvalid(IdentityError):
    """This is no address of mail, such as name@example.org."""

    code = "email_invalid"


class AddressTaken(IdentityError):
    """Another account has this address."""

    code = "email_taken"


class AgentUnknown(IdentityError):
    """There is no such agent."""

    code = "agent_not_found"


class CredentialInvalid(IdentityError):
    """This token or key is not good, or no longer."""

    code = "credential_invalid"

    def __init__(self) -> None:
        super().__init__(hint="Sign in again, or use another API key.")


class EmailNotVerified(IdentityError):
    """The address of this account is not confirmed yet."""

    code = "email_not_verified"

    def __init__(self) -> None:
        super().__init__(
            hint="Open the link in the letter that was sent to it. "
            "POST /api/v1/auth/resend-verification sends another one; an administrator can run "
            "'nova users verify EMAIL'."
        )


class HasherBusy(IdentityError):
    """Too many passwords wait to be checked; try again in a moment."""

    kind = ErrorKind.UNAVAILABLE
    code = "busy"


class KeyUnknown(IdentityError):
    """There is no such API key."""

    code = "api_key_not_found"


class LastAdministrator(IdentityError):
    """This is the last administrator, and there are other accounts."""

    code = "last_administrator"

    def __init__(self) -> None:
        super().__init__(hint="Make somebody else an administrator first.")


class LimitReached(IdentityError):
    """There are as many as there may be."""

    code = "limit_reached"

    def __init__(self, what: str, *, limit: int) -> None:
        super().__init__(
            f"This account has {limit:,} {what}, as many as it may have.",
            hint="Remove one that is not used any more.",
        )
        self.limit = limit


class LinkInvalid(IdentityError):
    """This link was used already, has run out, or was replaced by a newer one."""

    code = "link_invalid"

    def __init__(self) -> None:
        super().__init__(hint="Ask for a new one.")


class NotAllowed(IdentityError):
    """This is not allowed with these credentials."""

    code = "not_allowed"


class PasswordWeak(IdentityError):
    """This password can be guessed."""

    code = "password_weak"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message, hint="Several words that do not belong together are good.")
        self.reason = reason
        """short, long, common or personal."""


class PasswordWrong(IdentityError):
    """The password is not right."""

    code = "password_wrong"


class ProfileInvalid(IdentityError):
    """This can't be kept in a profile."""

    code = "profile_invalid"


class RegistrationRefused(IdentityError):
    """Nobody can register here."""

    code = "registration_closed"

    def __init__(self, *, needs_invitation: bool) -> None:
        if needs_invitation:
            super().__init__(
                "Registering here takes an invitation that is still good, for this address.",
                hint="Ask an administrator: 'nova users invite EMAIL', or "
                "'nova users create EMAIL --admin' for the first account.",
            )
        else:
            super().__init__(hint="An administrator can run 'nova users create EMAIL'.")
        self.needs_invitation = needs_invitation


class ScopeUnknown(IdentityError):
    """There is no such scope, or it can't be given here."""

    code = "scope_invalid"


class SessionEnded(IdentityError):
    """This sign-in is over."""

    code = "session_ended"

    def __init__(self, *, is_reused: bool = False) -> None:
        super().__init__(hint="Sign in again.")
        self.is_reused = is_reused
        """The refresh token had been replaced before: it may have been stolen."""


class SessionUnknown(IdentityError):
    """There is no such sign-in."""

    code = "session_not_found"


class SignInFailed(IdentityError):
    """Address and password do not belong together."""

    code = "sign_in_failed"


class Throttled(IdentityError):
    """Too many attempts."""

    code = "too_many_attempts"

    def __init__(self, *, retry_after_s: int) -> None:
        super().__init__(
            hint=f"Try again in {_span(retry_after_s)}. Where you have signed in before, or with "
            "a new password by letter, you need not wait."
        )
        self.retry_after_s = retry_after_s


class VaultDiffers(IdentityError):
    """The key file of the accounts is not the one that the database was used with."""

    kind = ErrorKind.CORRUPT
    code = "vault_differs"

    def __init__(self) -> None:
        super().__init__(
            hint="Bring keys/identity.key back from a backup or from the other server. If it is "
            "lost for good, 'nova keys rotate' makes a new signing key; people stay signed in."
        )


def _span(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} seconds"
    return f"{-(-seconds // 60)} minutes"
