"""A room is entered by its front door, and the door says what is inside."""

import importlib
import inspect
import types
from collections.abc import Iterator

import grimp
import pytest


def _room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


MANY_DOORS = {"adapters"}
"""Rooms with a door for each framework that they serve: what users write, and what keeps one
framework from loading another. See docs/decisions/doors-of-adapters.md."""


def _is_door(module: str) -> bool:
    depth = 2 if _room_of(module) in MANY_DOORS else 1
    return module.count(".") <= depth


def _imports(graph: grimp.ImportGraph) -> Iterator[tuple[str, str]]:
    """(importer, imported) for every import of ours."""
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            yield importer, imported


def _reaches_past(graph: grimp.ImportGraph) -> list[str]:
    """Imports of another room's inside: `importer -> imported`."""
    return sorted(
        f"{importer} -> {imported}"
        for importer, imported in _imports(graph)
        if not _is_door(imported) and _room_of(imported) != _room_of(importer)
    )


def _between_doors(graph: grimp.ImportGraph) -> list[str]:
    """Imports from one framework's folder of such a room into another's."""
    found: list[str] = []
    for importer, imported in _imports(graph):
        parts, others = importer.split("."), imported.split(".")
        is_same_room = len(others) > 2 and parts[:2] == others[:2] and others[1] in MANY_DOORS
        is_folder = is_same_room and bool(graph.find_children(".".join(others[:3])))
        if is_folder and parts[:3] != others[:3]:
            found.append(f"{importer} -> {imported}")
    return sorted(found)


def test_no_import_reaches_past_the_front_door_of_another_room(graph):
    assert _reaches_past(graph) == []


def test_the_search_for_such_imports_finds_a_planted_one():
    graph = grimp.ImportGraph()
    for module in ("novacore.cli.app", "novacore.kit", "novacore.kit.clock", "novacore.kit.ids"):
        graph.add_module(module)
    graph.add_import(importer="novacore.cli.app", imported="novacore.kit.clock")
    graph.add_import(importer="novacore.cli.app", imported="novacore.kit")
    graph.add_import(importer="novacore.kit.ids", imported="novacore.kit.clock")
    assert _reaches_past(graph) == ["novacore.cli.app -> novacore.kit.clock"]


def test_the_doors_of_one_room_do_not_lead_to_each_other(graph):
    """Whoever uses one framework need not have the others."""
    assert _between_doors(graph) == []


def test_what_lies_behind_a_framework_is_out_of_reach_too():
    graph = grimp.ImportGraph()
    for module in (
        "novacore.cli.app",
        "novacore.adapters.one",
        "novacore.adapters.one.inside",
        "novacore.adapters.two",
        "novacore.adapters.two.inside",
    ):
        graph.add_module(module)
    graph.add_import(importer="novacore.cli.app", imported="novacore.adapters.one")
    assert _reaches_past(graph) == []
    graph.add_import(importer="novacore.cli.app", imported="novacore.adapters.one.inside")
    assert _reaches_past(graph) == ["novacore.cli.app -> novacore.adapters.one.inside"]
    graph.add_import(importer="novacore.adapters.two.inside", imported="novacore.adapters.one")
    assert _between_doors(graph) == ["novacore.adapters.two.inside -> novacore.adapters.one"]


def _rank(name: str) -> tuple[bool, bool, str]:
    """Constants, then classes, then functions, each by the alphabet: the linter's order."""
    return not name.isupper(), not name[0].isupper(), name


def _door_problems(door: types.ModuleType) -> list[str]:
    names = getattr(door, "__all__", None)
    if names is None:
        return [f"{door.__name__} has no __all__"]
    problems = []
    if list(names) != sorted(names, key=_rank):
        problems.append(f"{door.__name__}.__all__ is not sorted")
    problems += [
        f"{door.__name__}.{name} is not there" for name in names if not hasattr(door, name)
    ]
    made_here = {
        name
        for name, value in vars(door).items()
        if name[0] != "_" and getattr(value, "__module__", "") == door.__name__
    }
    problems += [
        f"{door.__name__}.{name} is made here but not in __all__"
        for name in sorted(made_here - set(names))
    ]
    return problems


@pytest.fixture(scope="module")
def doors(rooms, root) -> list[types.ModuleType]:
    """Every door of every room."""
    package = root / "src" / "novacore"
    frameworks = [
        f"{room}.{door.parent.name}"
        for room in sorted(MANY_DOORS)
        for door in sorted(package.glob(f"{room}/*/__init__.py"))
    ]
    return [importlib.import_module(f"novacore.{name}") for name in [*rooms, *frameworks]]


def test_every_front_door_lists_exactly_what_it_offers_in_order(doors):
    assert [problem for door in doors for problem in _door_problems(door)] == []


@pytest.mark.parametrize(
    ("names", "content", "problem"),
    [
        (None, {}, "has no __all__"),
        (["b", "a"], {"a": 1, "b": 2}, "is not sorted"),
        (["Ape", "TOP"], {"Ape": 1, "TOP": 2}, "is not sorted"),
        (["a"], {}, "a is not there"),
        ([], {"a": type("a", (), {"__module__": "room"})}, "a is made here but not in __all__"),
    ],
)
def test_a_front_door_that_says_less_or_more_than_it_offers_is_named(names, content, problem):
    door = types.ModuleType("room")
    vars(door).update(content)
    if names is not None:
        vars(door)["__all__"] = names
    assert any(problem in line for line in _door_problems(door))


def test_every_name_at_a_front_door_says_what_it_is(doors):
    silent = []
    for door in doors:
        for name in door.__all__:
            value = getattr(door, name)
            is_ours = getattr(value, "__module__", "").startswith("novacore")
            if callable(value) and is_ours and not (value.__doc__ or "").strip():
                silent.append(f"{door.__name__}.{name}")
    assert silent == []


POSITIONAL_MAX = 2


def _calls(door: types.ModuleType) -> Iterator[tuple[str, inspect.Signature]]:
    """Each function at a front door, and each method that a class there defines itself."""
    for name in door.__all__:
        value = getattr(door, name)
        if inspect.isfunction(value):
            yield name, inspect.signature(value)
        elif inspect.isclass(value) and value.__module__.startswith("novacore"):
            for method, body in vars(value).items():
                if inspect.isfunction(body) and (method == "__init__" or method[0] != "_"):
                    yield f"{name}.{method}", inspect.signature(body)


THEIR_SIGNATURES = {
    "novacore.adapters.langgraph.JournalSaver.put",
    "novacore.adapters.langgraph.JournalSaver.aput",
    "novacore.adapters.langgraph.JournalSaver.put_writes",
    "novacore.adapters.langgraph.JournalSaver.aput_writes",
    "novacore.journal.RemoteEngine.put_blob",
    "novacore.journal.SpoolingEngine.put_blob",
}
"""Methods that another framework calls as it likes, or that a protocol of ours laid down."""


def test_more_than_two_arguments_are_passed_by_name(doors):
    """A call with three bare values can't be read; by name it can."""
    unnamed = []
    for door in doors:
        for name, signature in _calls(door):
            bare = [
                each.name
                for each in signature.parameters.values()
                if each.kind in {each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD}
                and each.name not in {"self", "cls"}
            ]
            is_theirs = f"{door.__name__}.{name}" in THEIR_SIGNATURES
            if len(bare) > POSITIONAL_MAX and not is_theirs:
                unnamed.append(f"{door.__name__}.{name}({', '.join(bare)})")
    assert unnamed == []
