"""What every request and every answer of the server have."""

from tests.api.stage import Stage


async def test_the_server_says_that_it_lives(stage: Stage):
    answer = await stage.visitor().get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}
