"""A manifest's text has a vocabulary of single words, as many as the graph has ids."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from seqrt.contract.text import Text, check_text
from seqrt.errors import ModelError

WORDS = Text("words", 8, lower="ascii", vocabulary=("good", "naïve", "!"))


def check(text: Text, tokens: int | None = None) -> None:
    ids = text.size if tokens is None else tokens
    manifest: Any = SimpleNamespace(text=text, tokens=ids, task="classify")
    check_text(manifest)


@pytest.mark.parametrize("text", [WORDS, Text("bytes", 1), replace(WORDS, width=65_536)])
def test_text_that_fits_is_taken(text: Text) -> None:
    check(text)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"vocabulary": ()}, "1 to 65535 words"),
        ({"vocabulary": ("a", "a")}, "once"),
        ({"vocabulary": ("a", "")}, "only words"),
        ({"vocabulary": ("two words",)}, "only words"),
        ({"vocabulary": ("don't",)}, "only words"),
        ({"vocabulary": (" a",)}, "only words"),
        ({"vocabulary": ("Good",)}, "only words"),
        ({"vocabulary": ("x" * 65,)}, "only words"),
        ({"width": 0}, "width"),
        ({"width": 65_537}, "width"),
        ({"kind": "bytes"}, "no vocabulary"),
    ],
)
def test_text_that_does_not_fit_is_refused(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(ModelError, match=why):
        check(replace(WORDS, **changed))


def test_the_number_of_ids_is_that_of_the_text() -> None:
    assert (WORDS.size, Text("bytes", 1).size) == (4, 257)
    with pytest.raises(ModelError, match="needs 4 tokens, got 3"):
        check(WORDS, 3)


def language_model(**changed: Any) -> Any:
    fields = {
        "task": "generate",
        "text": Text("bytes", 8),
        "tokens": 257,
        "head": "sequence",
        "activation": "softmax",
        "heads": (),
        "streamable": True,
        "classes": tuple(range(256)),
    }
    return SimpleNamespace(**fields | changed)


def test_a_language_model_reads_bytes_and_gives_their_probabilities_at_each_step() -> None:
    check_text(language_model())


@pytest.mark.parametrize(
    "changed",
    [
        {"text": None, "tokens": 0},
        {"text": WORDS, "tokens": WORDS.size},
        {"head": "last"},
        {"activation": "none"},
        {"heads": ("a", "b")},
        {"streamable": False},
        {"classes": tuple(range(255))},
        {"classes": tuple(reversed(range(256)))},
    ],
)
def test_what_is_no_language_model_must_not_say_so(changed: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="of a language model needs text of bytes"):
        check_text(language_model(**changed))
