"""The built-in model where it is not whole: nothing installed, or nothing that runs."""

import contextlib
from pathlib import Path

import pytest
from tests.rooms.llm.conftest import ask, hear

from novacore import llm


async def _model(data_dir: Path, **settings):
    choice = await llm.detect(llm.Config(provider="builtin", **settings), {})
    return llm.open_model(choice, data_dir=data_dir)


async def test_it_says_that_it_is_small_that_it_has_no_tools_and_how_to_change_both(tmp_path):
    info = (await _model(tmp_path)).info
    assert info.is_builtin
    assert not info.supports_tools
    assert "small" in info.notice
    assert "llm.builtin_tools" in info.notice
    assert "ANTHROPIC_API_KEY" in info.notice


async def test_with_constrained_output_it_offers_tools(tmp_path):
    info = (await _model(tmp_path, builtin_tools="schema")).info
    assert (info.tool_mode, info.supports_tools) == ("schema", True)
    assert "llm.builtin_tools" not in info.notice


async def test_tools_are_hidden_from_it_where_it_only_chats(tmp_path):
    model = await _model(tmp_path)
    assert b"bash" not in ask(model, "hi")


async def test_a_model_that_is_not_installed_says_what_to_run_and_is_not_retried(tmp_path):
    model = await _model(tmp_path)
    with pytest.raises(llm.BuiltinMissing, match="nova model install"):
        await hear(model, ask(model, "hi"))
    await model.close()


@pytest.mark.heavy
async def test_a_file_that_is_no_model_is_told_with_the_runners_words(tmp_path):
    path = llm.builtin_model_path(tmp_path)
    path.parent.mkdir()
    path.write_bytes(b"no model")
    model = await _model(tmp_path)
    with contextlib.closing(path.open("rb")), pytest.raises(llm.BuiltinFailed, match="not start"):
        await hear(model, ask(model, "hi"))
    await model.close()
