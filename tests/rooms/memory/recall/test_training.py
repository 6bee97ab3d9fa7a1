"""The weights that ship are what training gives, and their files say what they are."""

import json

import pytest

import recall_corpus
import train_recall
from novacore.memory.recall.features import FEATURES
from novacore.memory.recall.ranker import WEIGHTS_FILE, make_ranker, open_ranker


@pytest.mark.heavy
def test_training_gives_the_weights_that_ship() -> None:
    assert json.loads(WEIGHTS_FILE.read_text(encoding="utf-8")) == train_recall.train()


def test_the_conversations_are_the_same_each_time() -> None:
    first, second = recall_corpus.build_corpora(), recall_corpus.build_corpora()
    assert first == second
    assert sum(len(corpus.questions) for corpus in first) > 1_000


def test_every_question_names_turns_that_there_are() -> None:
    for corpus in recall_corpus.build_corpora():
        for question in corpus.questions:
            assert all(0 <= number < len(corpus.turns) for number in question.evidence)


def test_no_blank_is_left_unfilled() -> None:
    for corpus in recall_corpus.build_corpora():
        texts = [*(turn.text for turn in corpus.turns), *(each.text for each in corpus.questions)]
        assert not [text for text in texts if "{LONG}" in text or "{A}" in text or "{n}" in text]


def test_the_weights_are_few_and_of_features_that_there_are() -> None:
    told = json.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))["weights"]
    assert set(told) <= set(FEATURES)
    assert len(told) <= 40
    assert open_ranker("logistic").weights.shape == (len(FEATURES),)


def test_a_weight_of_no_feature_is_refused() -> None:
    with pytest.raises(ValueError, match="charm"):
        make_ranker("wrong", {"charm": 1.0})
