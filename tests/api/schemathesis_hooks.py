"""How the API's fuzzer signs in, anew every few seconds as it also signs out; and keeps to keys."""

import itertools
import os

import requests
import schemathesis


@schemathesis.auth(refresh_interval=2)
class SignedIn:
    """A person's token in every request that asks for one."""

    def get(self, _case, _context):
        answer = requests.post(
            f"{os.environ['FUZZED_URL']}/api/v1/auth/login",
            json={"email": os.environ["FUZZED_EMAIL"], "password": os.environ["FUZZED_PASSWORD"]},
            timeout=10,
        )
        answer.raise_for_status()
        return answer.json()["access_token"]

    def set(self, case, data, _context):
        case.headers["Authorization"] = f"Bearer {data}"


_numbers = itertools.count(1)
_KEY_KEPT = 200
"""Longer ones are left as they are: they are to be refused."""


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """A key belongs to one request: the fuzzer would use one for many, and be told so with 422."""
    for name in [*(case.headers or ())]:
        if name.lower() == "idempotency-key" and 0 < len(str(case.headers[name])) <= _KEY_KEPT:
            case.headers[name] = f"{case.headers[name]}-{next(_numbers)}"
