"""Functions and files stay small enough to be read in one go."""

import ast

import pytest

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
NESTING_MAX = 4
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager"}


STATEMENTS = ast.stmt | ast.ExceptHandler | ast.match_case


def _inside(node: ast.AST):
    """The statements right inside a node: no expression has any."""
    return [child for child in ast.iter_child_nodes(node) if isinstance(child, STATEMENTS)]


def _functions(tree: ast.Module):
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        waiting += _inside(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_function_is_longer_than_seventy_lines(everything):
    long = [
        f"{source.name}:{node.lineno} {node.name}: {size} lines"
        for source in everything
        for node, size in _functions(source.tree)
        if size > FUNCTION_LINES_MAX
    ]
    assert long == []


def test_no_file_is_longer_than_six_hundred_lines(everything):
    long = [
        f"{source.name}: {source.text.count(chr(10))} lines"
        for source in everything
        if source.text.count("\n") > FILE_LINES_MAX
    ]
    assert long == []


def test_no_file_has_a_name_that_says_nothing(everything):
    assert [
        source.name
        for source in everything
        if BANNED_NAMES & {source.path.stem, source.path.parent.name}
    ] == []


BLOCKS = (
    ast.If | ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith | ast.Try | ast.Match
)
INNER = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _nesting(node: ast.AST, depth: int = 0) -> int:
    """How many blocks stand inside one another; an `elif` is as deep as its `if`."""
    deepest = depth
    for child in _inside(node):
        if isinstance(child, INNER):
            continue
        is_elif = isinstance(node, ast.If) and child in node.orelse and isinstance(child, ast.If)
        deeper = depth + (isinstance(child, BLOCKS) and not is_elif)
        deepest = max(deepest, _nesting(child, deeper))
    return deepest


def test_no_function_nests_blocks_more_than_four_deep(everything):
    deep = [
        f"{source.name}:{node.lineno} {node.name}"
        for source in everything
        for node, _ in _functions(source.tree)
        if _nesting(node) > NESTING_MAX
    ]
    assert deep == []


@pytest.mark.parametrize(
    ("code", "depth"),
    [
        ("def f():\n if a:\n  pass\n elif b:\n  pass\n elif c:\n  pass\n", 1),
        ("def f():\n for a in b:\n  with c:\n   if d:\n    pass\n", 3),
        ("def f():\n if a:\n  def g():\n   if b:\n    pass\n", 1),
    ],
)
def test_the_depth_of_a_function_is_counted_right(code, depth):
    assert _nesting(ast.parse(code).body[0]) == depth
