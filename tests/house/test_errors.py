"""Every error has a kind, a default message, and a place in its room's tree."""

import importlib
import inspect
import pkgutil

import pytest

import novacore
from novacore.kit import ErrorKind, NovaError


def _all_errors() -> list[type[NovaError]]:
    for info in pkgutil.walk_packages(novacore.__path__, "novacore."):
        if not info.name.endswith("__main__"):
            importlib.import_module(info.name)
    found: list[type[NovaError]] = []
    waiting = [NovaError]
    while waiting:
        children = [
            kind
            for kind in waiting.pop().__subclasses__()
            if kind.__module__.startswith("novacore")
        ]
        found += children
        waiting += children
    return sorted(set(found), key=lambda kind: (kind.__module__, kind.__name__))


@pytest.fixture(scope="module")
def errors() -> list[type[NovaError]]:
    return _all_errors()


def test_every_error_says_who_can_do_something_about_it(errors):
    assert len(errors) > 5
    assert [error.__name__ for error in errors if not isinstance(error.kind, ErrorKind)] == []


def test_every_error_has_a_message_of_its_own(errors):
    assert [
        error.__name__ for error in errors if not inspect.getdoc(error) or error.__doc__ is None
    ] == []


def test_every_error_is_drawn_in_the_tree_of_its_room(errors):
    missing = []
    for error in errors:
        room = ".".join(error.__module__.split(".")[:2])
        tree = importlib.import_module(f"{room}.errors").__doc__ or ""
        if error.__name__ not in tree:
            missing.append(f"{error.__module__}.{error.__name__}")
    assert missing == []


def test_every_name_in_a_tree_is_an_error_that_exists(errors, rooms):
    known = {error.__name__ for error in errors} | {"NovaError"}
    for room in rooms:
        try:
            module = importlib.import_module(f"novacore.{room}.errors")
        except ModuleNotFoundError:
            continue
        drawn = [
            line.split("── ")[1].split()[0]
            for line in (module.__doc__ or "").splitlines()
            if "── " in line
        ]
        names = {word.split(".")[-1] for word in drawn if word[0].isupper() or "." in word}
        assert names - known == set(), room
