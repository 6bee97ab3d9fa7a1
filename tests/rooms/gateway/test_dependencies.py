"""What routes ask for: bodies, pages, and who asks."""

import asyncio
import dataclasses
import threading

import pydantic
import pytest
from tests.rooms.gateway.gate import ADA

from novacore import identity, kit
from novacore.gateway import dependencies, errors
from novacore.gateway.facts import Edge
from novacore.gateway.services import Services


class Inner(dependencies.Body):
    at: int


class Outer(dependencies.Body):
    limit: int
    share: float = 0.5
    most: int | None = None
    inner: Inner | None = None
    content: dict | None = None


def test_three_point_zero_is_a_whole_number_in_json():
    body = Outer.model_validate({"limit": 3.0, "most": 4.0, "inner": {"at": 5.0}, "share": 1})
    assert (body.limit, body.most, body.inner.at) == (3, 4, 5)
    assert type(body.limit) is int


def test_what_people_said_is_left_as_it_is():
    body = Outer.model_validate({"limit": 1, "content": {"share": 2.0}})
    assert type(body.content["share"]) is float


@pytest.mark.parametrize(
    "wrong", [{"limit": "3"}, {"limit": 3.5}, {"limit": True}, {"limit": 1, "x": 1}, []]
)
def test_nothing_else_is_converted_and_unknown_fields_are_refused(wrong):
    with pytest.raises(pydantic.ValidationError):
        Outer.model_validate(wrong)


def test_a_cursor_comes_back_as_it_was_given():
    cursor = dependencies.encode_cursor([1_700_000_000_000_000, "a/ö"])
    assert dependencies.decode_cursor(cursor, [int, str]) == (1_700_000_000_000_000, "a/ö")


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "!!", "AAAA", "é", dependencies.encode_cursor(["a", "b"]),
     dependencies.encode_cursor([1]), dependencies.encode_cursor([2**63, "a"]), "bnVsbA", "e30"],
)  # fmt: skip
def test_any_other_cursor_is_a_wrong_field(cursor):
    with pytest.raises(errors.RequestInvalid) as refused:
        dependencies.decode_cursor(cursor, [int, str])
    assert refused.value.fields[0]["path"] == "query.cursor"


def edge(**given) -> Edge:
    return Edge(
        trace=kit.Trace("t"), headers=given.pop("headers", {}), ip="127.0.0.1", is_https=False,
        host="localhost", **given,
    )  # fmt: skip


def test_who_asks_is_told_by_what_they_lack():
    with pytest.raises(errors.CredentialMissing):
        edge().require()
    with pytest.raises(identity.CredentialInvalid):
        edge(refusal=identity.CredentialInvalid()).require()
    with pytest.raises(identity.EmailNotVerified):
        edge(principal=dataclasses.replace(ADA, is_verified=False)).require()
    with pytest.raises(errors.PermissionMissing) as refused:
        edge(principal=ADA).require("models", "memory")
    assert refused.value.needed == "memory"
    with pytest.raises(errors.PermissionMissing):
        edge(principal=ADA).require(role="admin")
    unverified = dataclasses.replace(ADA, is_verified=False)
    assert edge(principal=unverified).require(may_be_unverified=True) is unverified


def test_a_cookie_is_read_under_both_of_its_names_the_safe_one_first():
    both = b"nova_device=plain; other=x; __Host-nova_device=safe"
    assert edge(headers={b"cookie": both}).cookie("nova_device") == "safe"
    assert edge(headers={b"cookie": b"a=b;nova_device=plain"}).cookie("nova_device") == "plain"
    assert edge().cookie("nova_device") == ""


async def test_too_many_waiting_calls_are_refused_at_once():
    services = Services(None, threads_max=1, waiting_max=1)
    gate = threading.Event()
    calls = [asyncio.create_task(services.run(gate.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(errors.ServerBusy):
        await services.run(gate.wait)
    gate.set()
    assert await asyncio.gather(*calls) == [True, True]
    assert await services.run(lambda: 5) == 5
    assert services.waiting <= 1
    services.close()


async def test_the_trace_goes_along_into_the_thread():
    services = Services(None, threads_max=1, waiting_max=1)
    with kit.tracing(kit.Trace("order-17")):
        assert await services.run(lambda: kit.current_trace().correlation_id) == "order-17"
    services.close()
