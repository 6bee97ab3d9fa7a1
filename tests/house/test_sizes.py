"""Functions and files stay small enough to be read in one go."""

import ast

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager"}


def _functions(tree: ast.Module):
    for node in ast.walk(tree):
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
