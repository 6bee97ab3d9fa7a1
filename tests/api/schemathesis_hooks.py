"""How the API's fuzzer signs in: anew every few seconds, since it also signs out."""

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
