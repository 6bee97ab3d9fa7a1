"""Nothing lies about that nobody uses."""

# The command line imports a command's module by its name, when it is chosen.
LOADED_BY_NAME = "novacore.cli.commands."


def test_every_module_is_seen_by_the_import_contracts(graph, product):
    """A folder without `__init__.py` would be passed by in silence."""
    assert {source.module for source in product} - graph.modules == set()


def test_every_module_is_imported_by_another_one(graph, product):
    dead = [
        source.module
        for source in product
        if source.path.stem not in {"__main__", "__init__"}
        and source.module in graph.modules
        and not graph.find_modules_that_directly_import(source.module)
        and not source.module.startswith(LOADED_BY_NAME)
    ]
    assert dead == []


def test_every_tool_of_the_house_is_called_by_something(everything, root):
    callers = [root / "Makefile", *(source.path for source in everything)]
    texts = {path: path.read_text() for path in callers}
    for tool in (root / "tools").glob("*.py"):
        others = [text for path, text in texts.items() if path != tool]
        assert any(tool.name in text or f"import {tool.stem}" in text for text in others), tool.name


def test_every_folder_of_room_tests_belongs_to_a_room(rooms, root):
    folders = {
        path.name
        for path in (root / "tests" / "rooms").iterdir()
        if path.is_dir() and any(path.glob("test_*.py"))
    }
    assert folders - set(rooms) == set()


def test_no_test_file_is_without_a_test(everything):
    empty = [
        source.name
        for source in everything
        if source.path.name.startswith("test_") and "def test_" not in source.text
    ]
    assert empty == []
