"""The description of the API: put together from parts, none of which may hide another."""

import fastapi
import pydantic
import pytest

from novacore.gateway import errors, openapi, problem_schema
from novacore.gateway.v1 import openapi as v1

OWN = list(problem_schema.ErrorAnswer.model_json_schema()["$defs"])
"""What the schema of errors brings along."""


def described(*routers: fastapi.APIRouter) -> dict:
    api = openapi.DescribedAPI(title="test", version="1")
    for router in routers:
        api.include_router(router)
    return api.openapi()


def answering(model: type[pydantic.BaseModel], *, path: str) -> fastapi.APIRouter:
    """A route that answers with this model."""
    router = fastapi.APIRouter()

    @router.get(path, response_model=model)
    async def answer() -> None: ...

    return router


def test_two_schemas_of_one_name_and_different_content_are_never_merged():
    known = {"Kind": {"type": "string"}}
    openapi.join(known, {"Kind": {"type": "string"}, "Other": {"type": "null"}})
    assert sorted(known) == ["Kind", "Other"]
    with pytest.raises(errors.DescriptionUnsound, match="Kind"):
        openapi.join(known, {"Kind": {"type": "integer"}})


@pytest.mark.parametrize("name", ["ErrorAnswer", *OWN, next(iter(v1.SCHEMAS))])
def test_a_model_may_not_have_the_name_of_one_that_is_described_elsewhere(name):
    model = pydantic.create_model(name, odd=(int, 1))
    with pytest.raises(errors.DescriptionUnsound, match="two parts"):
        described(answering(model, path="/odd"))


def test_two_models_of_different_modules_may_not_have_one_name():
    one = pydantic.create_model("Twin", __module__="house.one", a=(int, 1))
    two = pydantic.create_model("Twin", __module__="house.two", b=(str, ""))
    with pytest.raises(errors.DescriptionUnsound, match="Twin"):
        described(answering(one, path="/one"), answering(two, path="/two"))


def test_a_route_may_not_hide_one_of_the_model_api():
    taken = next(iter(v1.PATHS))
    with pytest.raises(errors.DescriptionUnsound, match=taken):
        described(answering(pydantic.create_model("Own", odd=(int, 1)), path=taken))
