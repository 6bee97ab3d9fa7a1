"""`/v1/models`, `/v1/embeddings` and counted tokens over the whole app."""

import base64
import json
import struct

import pytest

HI = [{"role": "user", "content": "hi"}]


@pytest.fixture
def server_settings(provider) -> dict[str, str]:
    rich = {"base_url": f"{provider.url}/v1", "plans": ["pro"], "window_tokens": 9_000}
    free = {"base_url": f"{provider.url}/v1"}
    return {
        "NOVA_MODELS": json.dumps({"rich": rich, "open/free": free}),
        "NOVA_EMBEDDING_EMBEDDER": "wordllama",
        "NOVA_BILLING_PLAN_DEFAULT": "basic",
    }


async def test_the_models_of_the_plan_are_listed_in_both_vendors_shapes(stage):
    person = await stage.person()
    listed = (await person.client.get("/v1/models")).json()
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["scripted", "open/free"]
    headers = {"anthropic-version": "2023-06-01"}
    listed = (await person.client.get("/v1/models", headers=headers)).json()
    assert (listed["first_id"], listed["last_id"]) == ("scripted", "open/free")
    assert {model["type"] for model in listed["data"]} == {"model"}


async def test_one_model_is_told_by_name_and_alias(stage):
    person = await stage.person()
    for name, found in (("default", "scripted"), ("open%2Ffree", "open/free")):
        answer = await person.client.get(f"/v1/models/{name}")
        assert answer.json()["id"] == found
    for name in ("rich", "nope"):
        answer = await person.client.get(f"/v1/models/{name}")
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "model_not_found"


async def test_texts_become_vectors_as_numbers_or_as_bytes_and_are_counted(stage):
    person = await stage.person()
    body = {"model": "default", "input": ["a cat", "a dog"]}
    plain = (await person.client.post("/v1/embeddings", json=body)).json()
    packed = await person.client.post("/v1/embeddings", json={**body, "encoding_format": "base64"})
    for one, other in zip(plain["data"], packed.json()["data"], strict=True):
        raw = base64.b64decode(other["embedding"])
        numbers = struct.unpack(f"<{len(raw) // 4}f", raw)
        assert numbers == pytest.approx(one["embedding"])
    assert plain["usage"]["total_tokens"] > 0
    await stage.platform.metering.flush()
    rows = await stage.app.services.run(stage.platform.billing.history, person.account_id)
    assert sum(row.calls for row in rows) == 2
    assert sum(row.messages for row in rows) == 0


REFUSED = [
    {"input": ""},
    {"input": []},
    {"input": [1, 2, 3]},
    {"input": [["a"]]},
    {"encoding_format": "hex"},
    {"dimensions": 7},
    {"dimensions": "many"},
    {"input": ["x"] * 2_049},
]


async def test_what_no_vector_can_be_made_of_is_refused(stage):
    person = await stage.person()
    for change in REFUSED:
        body = {"model": "default", "input": "a cat", **change}
        answer = await person.client.post("/v1/embeddings", json=body)
        assert answer.status_code == 400, change


async def test_an_unknown_embedding_model_is_not_found(stage):
    person = await stage.person()
    body = {"model": "text-embedding-9", "input": "a cat"}
    assert (await person.client.post("/v1/embeddings", json=body)).status_code == 404


async def test_tokens_are_counted_before_anything_is_sent(stage, provider):
    person = await stage.person()
    body = {"model": "default", "messages": [{"role": "user", "content": "word " * 100}]}
    answer = await person.client.post("/v1/messages/count_tokens", json=body)
    assert 100 <= answer.json()["input_tokens"] <= 200
    assert provider.requests == []


async def test_the_state_of_each_models_provider_is_a_metric(stage):
    told = (await stage.visitor().get("/metrics")).text
    assert 'nova_provider_breaker_open{model="scripted"} 0.0' in told
    assert 'nova_provider_breaker_changes{model="rich"} 0.0' in told
