"""Tools by name, and arguments that fit their schema."""

import pytest

from novacore import agent, llm
from novacore.agent import schema


def tool(name="t", **properties):
    async def function(arguments):
        return agent.ToolOutcome(text="ok")

    spec = llm.ToolSpec(
        name=name, description="", parameters=agent.arguments_schema(properties, required=("a",))
    )
    return agent.FunctionTool(spec=spec, function=function)


def test_two_tools_of_one_name_are_refused():
    with pytest.raises(agent.ToolUnusable):
        agent.Toolbox([tool("t"), tool("t")])


def test_a_schema_that_can_not_be_checked_is_refused():
    with pytest.raises(agent.ToolUnusable, match="oneOf"):
        agent.Toolbox([tool(a={"type": "array", "items": {"oneOf": []}})])


def test_a_toolbox_knows_its_tools():
    box = agent.Toolbox([tool("x"), tool("y")])
    assert len(box) == 2
    assert [spec.name for spec in box.specs] == ["x", "y"]
    assert box.find("y").spec.name == "y"
    assert box.find("z") is None


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"a": 1}, ""),
        ({"a": 1.0}, ""),
        ({}, '"a" is missing'),
        ({"a": True}, '"a" must be integer, not True'),
        ({"a": "1"}, "\"a\" must be integer, not '1'"),
        ({"a": 0}, '"a" must be at least 1, not 0'),
        ({"a": 10}, '"a" must be at most 9, not 10'),
        ({"a": 1, "b": "z"}, "\"b\" must be one of 'x', 'y', not 'z'"),
        ({"a": 1, "c": ["", "four"]}, '"c[0]" must have at least 1 characters, not 0'),
        ({"a": 1, "c": ["a", "b", "c"]}, '"c" must have at most 2 items, not 3'),
        ({"a": 1, "d": {"e": 1}}, '"d.e" must be string or null, not 1'),
        ({"a": 1, "d": {"e": None}}, ""),
        ({"a": 1, "f": 1}, '"f" is unknown (there are: a, b, c, d)'),
        ({"a": "x" * 200}, '"a" must be integer, not ' + repr("x" * 200)[:80] + "…"),
    ],
)
def test_arguments_that_do_not_fit_are_told_in_words(arguments, problem):
    wanted = agent.arguments_schema(
        {
            "a": {"type": "integer", "minimum": 1, "maximum": 9},
            "b": {"type": "string", "enum": ["x", "y"]},
            "c": {"type": "array", "maxItems": 2, "items": {"type": "string", "minLength": 1}},
            "d": {"type": "object", "properties": {"e": {"type": ["string", "null"]}}},
        },
        required=("a",),
    )
    assert "; ".join(schema.problems(arguments, wanted)).startswith(problem)
    assert bool(schema.problems(arguments, wanted)) is bool(problem)


def test_arguments_that_are_no_object_are_told():
    assert schema.problems([], {"type": "object"}) == ["the arguments must be object, not []"]
