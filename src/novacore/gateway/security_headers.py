"""The headers on every answer that tell a browser what it may do with it.

Source: OWASP Secure Headers Project; W3C Content Security Policy Level 3.
"""

from collections.abc import Sequence

from novacore import settings

_Header = tuple[bytes, bytes]

CSP = b"content-security-policy"
_NOTHING = b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""For answers that are no page."""
_PERMISSIONS = (
    b"accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    b"magnetometer=(), microphone=(), midi=(), payment=(), usb=(), xr-spatial-tracking=()"
)
_HSTS = b"max-age=31536000; includeSubDomains"


def fixed_headers(config: settings.ServerConfig) -> list[_Header]:
    """What stands on every answer."""
    headers = [
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"same-origin"),
        (b"permissions-policy", _PERMISSIONS),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
    ]
    if config.is_https:
        headers.append((b"strict-transport-security", _HSTS))
    return headers


def default_headers() -> list[_Header]:
    """What stands on answers that do not say otherwise."""
    return [(CSP, _NOTHING), (b"cache-control", b"no-store")]


def page_policy(*, scripts: Sequence[str] = (), styles: Sequence[str] = ()) -> str:
    """The content security policy of a page: our own files, and inline parts by their hashes.

    Args:
        scripts: `sha256-…` of each inline script.
        styles: `sha256-…` of each inline style.
    """
    script = " ".join(["'self'", *(f"'{each}'" for each in scripts)])
    style = " ".join(["'self'", *(f"'{each}'" for each in styles)])
    return (
        f"default-src 'none'; script-src {script}; style-src {style}; img-src 'self' data: blob:; "
        "font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
