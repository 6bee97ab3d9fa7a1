"""The official clients for Python, plain and async, against a real server."""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest
from tests.api.sdk_stage import Served, served

pytestmark = pytest.mark.heavy

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}]
ANTHROPIC_TOOLS: Any = [{"name": "weather", "description": "W.", "input_schema": PARAMETERS}]
MODELS = ("default", "claude")


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("sdk")) as running:
        yield running


@pytest.fixture
def openai_client(server) -> Iterator[openai.OpenAI]:
    url = f"{server.url}/v1"
    with openai.OpenAI(base_url=url, api_key=server.key, max_retries=0) as client:
        yield client


@pytest.fixture
def anthropic_client(server) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=server.url, api_key=server.key, max_retries=0) as client:
        yield client


def say(text: str) -> Any:
    return [{"role": "user", "content": text}]


class Counted(httpx.HTTPTransport):
    """Counts requests."""

    count = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        return super().handle_request(request)


def test_openai_answers_whole_and_streamed(openai_client):
    for model in MODELS:
        made = openai_client.chat.completions.create(model=model, messages=say("case-plain"))
        assert made.choices[0].message.content == "hello there"
        assert made.usage.prompt_tokens == 12
        with openai_client.chat.completions.stream(
            model=model, messages=say("case-plain"), stream_options={"include_usage": True}
        ) as stream:
            final = stream.get_final_completion()
        assert final.choices[0].message.content == "hello there"
        assert final.usage.completion_tokens == 3


def test_openai_calls_tools_and_sends_their_results(openai_client):
    for model in MODELS:
        asked = {"model": model, "messages": say("case-tools"), "tools": TOOLS}
        made = openai_client.chat.completions.create(**asked)
        message = made.choices[0].message
        assert json.loads(message.tool_calls[0].function.arguments) == {"city": "Rome"}
        assert made.choices[0].finish_reason == "tool_calls"
        call_id = message.tool_calls[0].id
        result = {"role": "tool", "tool_call_id": call_id, "content": "case-tool-result"}
        messages = [*asked["messages"], message.model_dump(exclude_none=True), result]
        done = openai_client.chat.completions.create(**{**asked, "messages": messages})
        assert done.choices[0].message.content == "it is sunny"


def test_openai_lists_models_and_makes_vectors(openai_client):
    assert [model.id for model in openai_client.models.list()] == ["scripted", "claude"]
    assert openai_client.models.retrieve("claude").owned_by
    made = openai_client.embeddings.create(model="default", input=["a cat", "a dog"])
    plain = openai_client.embeddings.create(
        model="default", input=["a cat", "a dog"], encoding_format="float"
    )
    for one, other in zip(made.data, plain.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding)


def test_openai_errors_have_their_classes(openai_client, server):
    create = openai_client.chat.completions.create
    with pytest.raises(openai.NotFoundError) as unknown:
        create(model="nope", messages=say("x"))
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError, match="odd field"):
        create(model="default", messages=say("case-refused"))
    with pytest.raises(openai.AuthenticationError):
        openai_client.with_options(api_key="nova_wrong").models.list()
    with pytest.raises(openai.APIError) as broken:
        list(create(model="default", messages=say("case-break"), stream=True))
    assert "broke" in str(broken.value)


def test_openai_retries_what_may_pass_and_nothing_else(server):
    url = f"{server.url}/v1"
    counted = Counted()
    with openai.OpenAI(
        base_url=url, api_key=server.key, http_client=httpx.Client(transport=counted)
    ) as client:
        made = client.chat.completions.create(model="default", messages=say("case-flaky-openai"))
    assert (made.choices[0].message.content, counted.count) == ("back again", 2)
    counted = Counted()
    with (
        openai.OpenAI(
            base_url=url, api_key=server.spent_key, http_client=httpx.Client(transport=counted)
        ) as client,
        pytest.raises(openai.RateLimitError) as spent,
    ):
        client.chat.completions.create(model="default", messages=say("case-plain"))
    assert (spent.value.type, counted.count) == ("insufficient_quota", 1)


def test_a_client_that_times_out_leaves_and_the_provider_is_told(openai_client, server):
    server.provider.requests.clear()
    with pytest.raises(openai.APITimeoutError):
        openai_client.with_options(timeout=0.5).chat.completions.create(
            model="default", messages=say("case-slow")
        )
    (request,) = [each for each in server.provider.requests if b"case-slow" in each.raw]
    assert request.was_dropped.wait(10)


async def test_openai_async_works_alike(server):
    async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=server.key) as client:
        stream = await client.chat.completions.create(
            model="claude", messages=say("case-plain"), stream=True
        )
        chunks = [chunk async for chunk in stream]
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        assert text == "hello there"
        assert [model.id async for model in client.models.list()] == ["scripted", "claude"]


def test_anthropic_answers_whole_and_streamed(anthropic_client):
    for model in MODELS:
        asked = {"model": model, "max_tokens": 50, "messages": say("case-plain")}
        made = anthropic_client.messages.create(**asked)
        assert made.content[0].text == "hello there"
        assert made.usage.input_tokens == 12
        with anthropic_client.messages.stream(**asked) as stream:
            assert "".join(stream.text_stream) == "hello there"
            assert stream.get_final_message().usage.output_tokens == 3


def test_anthropic_calls_tools_and_sends_their_results(anthropic_client):
    for model in MODELS:
        asked = {"model": model, "max_tokens": 50, "tools": ANTHROPIC_TOOLS}
        with anthropic_client.messages.stream(**asked, messages=say("case-tools")) as stream:
            made = stream.get_final_message()
        call = next(block for block in made.content if block.type == "tool_use")
        assert (call.input, made.stop_reason) == ({"city": "Rome"}, "tool_use")
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "case-tool-result"}
        content = [block.model_dump(exclude_none=True) for block in made.content]
        messages = [
            *say("case-tools"),
            {"role": "assistant", "content": content},
            {"role": "user", "content": [result]},
        ]
        done = anthropic_client.messages.create(**asked, messages=messages)
        assert done.content[0].text == "it is sunny"


def test_anthropic_lists_counts_and_tells_errors(anthropic_client):
    assert [model.id for model in anthropic_client.models.list()] == ["scripted", "claude"]
    counted = anthropic_client.messages.count_tokens(model="claude", messages=say("one two three"))
    assert counted.input_tokens > 3
    create = anthropic_client.messages.create
    with pytest.raises(anthropic.NotFoundError):
        create(model="nope", max_tokens=5, messages=say("x"))
    with pytest.raises(anthropic.BadRequestError, match="odd field"):
        create(model="claude", max_tokens=5, messages=say("case-refused"))
    with pytest.raises(anthropic.AuthenticationError):
        anthropic_client.with_options(api_key="nova_wrong").models.list()
    with (
        pytest.raises(anthropic.APIError),
        anthropic_client.messages.stream(
            model="claude", max_tokens=5, messages=say("case-break")
        ) as stream,
    ):
        stream.get_final_message()


async def test_anthropic_async_and_retries_work_alike(server):
    async with anthropic.AsyncAnthropic(base_url=server.url, api_key=server.key) as client:
        made = await client.messages.create(
            model="default", max_tokens=50, messages=say("case-flaky-anthropic")
        )
        assert made.content[0].text == "back again"
        async with client.messages.stream(
            model="default", max_tokens=50, messages=say("case-plain")
        ) as stream:
            assert await stream.get_final_text() == "hello there"
