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
    manifest: Any = SimpleNamespace(text=text, tokens=text.size if tokens is None else tokens)
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
