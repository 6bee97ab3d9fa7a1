"""A person asks for all that is kept of the account, is told by a letter, and fetches it alone."""

import io
import time
import zipfile

from tests.api.stage import Stage

from novacore import workers

# Loaded here: importing reads files, which nobody may do in an event loop.
START, STATUS = workers.start, workers.get_status


def _work(stage: Stage) -> None:
    """Carry out what waits."""
    running = START(stage.platform)
    while STATUS(stage.platform).waiting:
        time.sleep(0.01)
    running.stop()


async def _worked(stage: Stage) -> None:
    await stage.app.services.run(_work, stage)


async def test_an_export_is_asked_for_told_of_and_fetched(stage: Stage):
    person = await stage.person()
    assert (await person.client.get("/api/v1/account/exports")).json() == {"exports": []}
    for _ in range(2):
        asked = await person.client.post("/api/v1/account/exports")
        assert asked.status_code == 202
    await _worked(stage)
    (made,) = (await person.client.get("/api/v1/account/exports")).json()["exports"]
    assert made["expires_at_us"] - made["made_at_us"] == 7 * 86_400_000_000
    fetched = await person.client.get(f"/api/v1/account/exports/{made['id']}")
    assert fetched.status_code == 200
    assert fetched.headers["content-type"] == "application/zip"
    assert "attachment" in fetched.headers["content-disposition"]
    assert len(fetched.content) == made["size_bytes"]
    with zipfile.ZipFile(io.BytesIO(fetched.content)) as archive:
        assert person.email in archive.read("profile.json").decode()
    letters = await stage.app.services.run(stage.platform.mailer.list_outbox)
    assert [each.subject for each in letters if each.to == person.email] == ["Your data is ready"]


async def test_nobody_fetches_somebody_else_s_export(stage: Stage):
    owner, other = await stage.person(), await stage.person()
    await owner.client.post("/api/v1/account/exports")
    await _worked(stage)
    (made,) = (await owner.client.get("/api/v1/account/exports")).json()["exports"]
    path = f"/api/v1/account/exports/{made['id']}"
    refused = await other.client.get(path)
    assert refused.status_code == 404
    assert refused.json()["error"]["code"] == "not_found"
    assert (await stage.visitor().get(path)).status_code == 401
    key = await stage.key_of(owner)
    by_key = await stage.visitor().get(path, headers={"Authorization": f"Bearer {key}"})
    assert by_key.status_code == 403
