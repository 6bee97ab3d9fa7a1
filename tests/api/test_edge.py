"""What a running server tells about itself, and to whom."""

import json
import shutil
from typing import NamedTuple

import pytest
import sqlalchemy
from tests.api.stage import Stage

from novacore import database
from novacore.workers.store import OutboxStore


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def server_settings(request: pytest.FixtureRequest) -> dict[str, str]:
    return getattr(request, "param", {})


async def test_the_server_says_that_it_lives_and_wants_requests(stage: Stage):
    visitor = stage.visitor()
    assert (await visitor.get("/healthz")).json() == {"status": "ok"}
    ready = await visitor.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "failing": []})


async def test_a_server_that_is_about_to_stop_wants_none(stage: Stage):
    stage.app.standing.is_leaving = True
    ready = await stage.visitor().get("/readyz")
    assert (ready.status_code, ready.json()["failing"]) == (503, ["stopping"])


async def test_the_status_names_every_part_and_where_nothing_is_known_yet(stage: Stage):
    status = (await stage.visitor().get("/api/v1/status")).json()
    states = {each["name"]: each["state"] for each in status["components"]}
    assert states["journal"] == states["database"] == "operational"
    assert states["model"] == "no data"
    assert states["policy"] == "permissive"
    assert status["state"] == "operational"


async def test_a_disk_that_is_nearly_full_is_seen_before_it_is(stage: Stage, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**12, 0, 300 * 1024**2))
    status = (await stage.visitor().get("/api/v1/status")).json()
    disk = next(each for each in status["components"] if each["name"] == "disk")
    assert (disk["state"], disk["text"]) == ("degraded", "0.3 GiB free")
    assert status["state"] == "degraded"


@pytest.mark.parametrize("server_settings", [{"NOVA_LLM_PROVIDER": "builtin"}], indirect=True)
async def test_a_built_in_model_that_is_not_here_is_told_to_who_asks_and_in_the_status(
    stage: Stage,
):
    status = (await stage.visitor().get("/api/v1/status")).json()
    model = next(each for each in status["components"] if each["name"] == "model")
    assert (model["state"], status["state"]) == ("down", "down")
    assert "nova model install" in model["text"]
    person = await stage.person()
    asked = {"model": "default", "messages": [{"role": "user", "content": "Hello"}]}
    refused = await person.client.post("/v1/chat/completions", json=asked)
    assert (refused.status_code, refused.headers["x-should-retry"]) == (503, "false")
    error = refused.json()["error"]
    assert (error["code"], error["hint"]) == ("builtin_missing", "Run: nova model install")


async def test_the_status_is_a_page_and_json(stage: Stage):
    visitor = stage.visitor()
    shown = await visitor.get("/status")
    assert shown.headers["content-type"].startswith("text/html")
    assert "permissive" in shown.text
    assert "style-src 'self' 'sha256-" in shown.headers["content-security-policy"]
    told = await visitor.get("/status", headers={"Accept": "application/json"})
    assert told.json()["name"] == "NovaCore"


async def test_anybody_may_know_who_may_register(stage: Stage):
    config = (await stage.visitor().get("/api/v1/config")).json()
    assert config == {
        "name": "NovaCore",
        "public_url": "http://127.0.0.1:8080",
        "registration": "open",
        "billing": "off",
    }


async def test_the_counters_are_for_the_machine_itself(stage: Stage):
    await stage.visitor().get("/api/v1/config")
    mine = await stage.visitor().get("/metrics")
    assert 'route="/api/v1/config"' in mine.text
    assert (await stage.visitor(ip="203.0.113.9").get("/metrics")).status_code == 403
    relayed = {"X-Forwarded-For": "203.0.113.9"}
    assert (await stage.visitor().get("/metrics", headers=relayed)).status_code == 403


async def test_the_counters_tell_how_each_part_stands(stage: Stage):
    told = (await stage.visitor().get("/metrics")).text
    assert 'nova_component_up{component="journal"} 1.0' in told
    assert 'component="model"' not in told  # Nothing is known of it: no number says that.
    assert "nova_database_slow_queries_total 0.0" in told
    assert "nova_calls_waiting 0.0" in told
    assert "nova_provider_breaker{model=" in told


async def test_no_counter_names_a_person_or_a_path_that_was_made_up(stage: Stage):
    person = await stage.person()
    await person.client.get("/api/v1/account")
    await person.client.get("/api/v1/no-such-thing-17")
    await person.client.get("/api/v1/sessions/01a201d1-ec6a-7fb9-a888-f420ed04b366/messages")
    told = (await stage.visitor().get("/metrics")).text
    for hidden in (person.account_id, person.email, "no-such-thing-17", "01a201d1-ec6a"):
        assert hidden not in told


async def test_letters_that_were_not_sent_are_shown_at_this_machine_only(stage: Stage):
    assert (await stage.visitor().get("/outbox")).status_code == 200
    assert (await stage.visitor(ip="203.0.113.9").get("/outbox")).status_code == 404
    relayed = {"X-Forwarded-For": "203.0.113.9"}
    assert (await stage.visitor().get("/outbox", headers=relayed)).status_code == 404
    named = {"Host": "192.0.2.1"}
    assert (await stage.visitor().get("/outbox", headers=named)).status_code == 404


async def test_the_description_is_there_for_every_route(stage: Stage):
    document = (await stage.visitor().get("/openapi.json")).json()
    assert document["servers"] == [{"url": "http://127.0.0.1:8080"}]
    names = [
        operation["operationId"]
        for item in document["paths"].values()
        for operation in item.values()
    ]
    assert len(names) == len(set(names))
    for path, item in document["paths"].items():
        for method, operation in item.items():
            answers = operation["responses"]
            assert "500" in answers, (method, path)
            assert operation.get("summary"), (method, path)
            limited = path not in ("/healthz", "/readyz", "/metrics")
            assert ("429" in answers) == limited, (method, path)
    assert "HTTPValidationError" not in json.dumps(document)


async def test_the_description_has_an_example_of_every_body(stage: Stage):
    document = (await stage.visitor().get("/openapi.json")).json()

    def has_example(part: object, known: tuple[str, ...] = ()) -> bool:
        if isinstance(part, list):
            return any(has_example(each, known) for each in part)
        if not isinstance(part, dict):
            return False
        if part.get("example") is not None or part.get("examples"):
            return True
        name = part.get("$ref", "").rpartition("/")[2]
        if name and name not in known:
            return has_example(document["components"]["schemas"][name], (*known, name))
        return any(has_example(each, known) for each in part.values())

    bodies = {
        f"{method} {path}": operation["requestBody"]["content"]
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if "requestBody" in operation
    }
    assert len(bodies) > 20
    assert [place for place, content in bodies.items() if not has_example(content)] == []


PUBLIC = {
    "/healthz", "/readyz", "/metrics", "/api/v1/status", "/api/v1/config", "/api/v1/plans",
}  # fmt: skip


async def test_every_other_route_asks_who_it_is(stage: Stage):
    document = (await stage.visitor().get("/openapi.json")).json()
    visitor = stage.visitor()
    open_to_all = []
    for path, item in document["paths"].items():
        if path in PUBLIC or path.startswith("/api/v1/auth/"):
            continue
        for method in item:
            place = path.replace("{", "").replace("}", "")
            answer = await visitor.request(method.upper(), place)
            if answer.status_code != 401:
                open_to_all.append((method, path, answer.status_code))
    assert open_to_all == []


async def test_a_path_that_no_route_has_is_told_as_json_under_api(stage: Stage):
    answer = await stage.visitor().get("/api/v1/nothing")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/v1/config", "GET"),
        ("GET", "/api/v1/auth/login", "POST"),
        ("HEAD", "/api/v1/auth/login", "POST"),
        ("OPTIONS", "/api/v1/account", "DELETE, GET, PATCH"),
        ("POST", "/healthz", "GET, HEAD"),
    ],
)
async def test_a_method_that_an_address_does_not_take_is_told_those_it_takes(
    stage: Stage, method: str, path: str, allowed: str
):
    answer = await stage.visitor().request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed


async def test_a_wrong_body_says_where_it_is_wrong(stage: Stage):
    visitor = stage.visitor()
    answer = await visitor.post("/api/v1/auth/login", json={"email": 5, "password": "hunter2"})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "invalid_request"
    assert [each["path"] for each in error["fields"]] == ["body.email"]
    assert "hunter2" not in answer.text
    broken = await visitor.post(
        "/api/v1/auth/login", content=b"{", headers={"Content-Type": "application/json"}
    )
    assert broken.status_code == 400


async def test_a_signed_in_person_is_known_and_a_stranger_is_not(stage: Stage):
    person = await stage.person()
    mine = await person.client.get("/api/v1/account")
    assert mine.json()["email"] == person.email
    assert (await stage.visitor().get("/api/v1/account")).status_code == 401


@pytest.mark.heavy
async def test_the_same_over_postgresql(postgres_stage: Stage):
    person = await postgres_stage.person()
    assert (await person.client.get("/api/v1/account")).json()["email"] == person.email
    status = (await postgres_stage.visitor().get("/api/v1/status")).json()
    texts = {each["name"]: each["text"] for each in status["components"]}
    assert texts["database"] == "PostgreSQL"


async def test_work_that_a_request_caused_has_its_id(stage: Stage):
    """The id goes along into the outbox, and from there into the worker's log lines."""
    named = {"X-Correlation-ID": "order-17"}
    body = {"email": "ada@example.org", "password": "four plain words here"}
    answer = await stage.visitor().post("/api/v1/auth/register", json=body, headers=named)
    assert answer.status_code == 202
    store = OutboxStore(
        stage.platform.database, holder="test", config=stage.platform.chosen.workers
    )
    rows = await stage.app.services.run(_waiting, stage.platform.database)
    jobs = [await stage.app.services.run(store.find, row) for row in rows]
    assert jobs
    assert {job.correlation_id for job in jobs} == {"order-17"}
    assert all("_correlation_id" not in job.payload for job in jobs)


def _waiting(opened: database.Database) -> list[str]:
    with opened.read() as connection:
        return [row.id for row in connection.execute(sqlalchemy.select(database.OUTBOX.c.id))]


async def test_a_model_s_server_is_told_the_id_and_the_trace(stage: Stage):
    person = await stage.person()
    stage.provider.play({"text": "Hello.", "repeat": True})
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    named = {"X-Correlation-ID": "order-17", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    asked = {"model": "default", "messages": [{"role": "user", "content": "Hello"}]}
    answer = await person.client.post("/v1/chat/completions", json=asked, headers=named)
    assert answer.status_code == 200
    made = await person.client.post("/api/v1/sessions", json={})
    turns = f"/api/v1/sessions/{made.json()['id']}/turns"
    await person.client.post(turns, json={"text": "Hello"}, headers=named)
    calls = [each.headers for each in stage.provider.requests]
    assert len(calls) >= 2
    for headers in calls:
        assert headers["x-correlation-id"] == "order-17"
        # The same trace, with a span of its own.
        assert headers["traceparent"].startswith(f"00-{trace}-")
        assert "00f067aa0ba902b7" not in headers["traceparent"]
