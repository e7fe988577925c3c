"""A built-in text task: verdicts on products, where single words often mislead.

    texts, labels = sentences(seed=0)
    texts[0], labels[0]     # "in daily use the drill is not reliable", "negative"
    texts[6], labels[6]     # "after a month the lamp is reliable but never solid", "negative"

The label is the verdict of the main clause: a negation turns an adjective around, and what comes
before `but` or after `although` counts for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from seqrt.data import Table
from seqrt.data.readers.text_files import LABEL, TEXT
from seqrt.encoding.column import TableColumn
from seqrt.errors import UsageError

NEGATIVE, POSITIVE = "negative", "positive"
LABELS: Final = (NEGATIVE, POSITIVE)
COUNT: Final = 4_000
# There are many more, but drawing those that are still missing would take longer and longer.
_MOST: Final = 20_000

_PRODUCTS: Final = (
    *("backpack", "blender", "camera", "chair", "drill", "heater", "jacket", "kettle"),
    *("keyboard", "lamp", "mattress", "phone", "printer", "scooter", "speaker", "watch"),
)
_PARTS: Final = ("battery", "button", "case", "cover", "finish", "handle", "switch", "box")
_ADJECTIVES: Final = {
    POSITIVE: ("bright", "comfortable", "good", "pleasant", "quick", "quiet", "reliable", "solid"),
    NEGATIVE: ("bad", "clumsy", "dull", "flimsy", "heavy", "noisy", "slow", "weak"),
}
_DEGREES: Final = ("", "", "quite ", "really ", "very ")
_NEGATIONS: Final = ("not ", "never ", "hardly ", "anything but ")
_OPENERS: Final = ("", "", "after a month ", "at home ", "in daily use ", "so far ", "to be fair ")
# How many clauses are negated, and how many sentences have a second clause against the first.
_NEGATED, _CONTRAST = 0.35, 0.5


class _Draws:
    """Choices made from uniform numbers alone: numpy keeps those the same in all its versions."""

    def __init__(self, seed: int) -> None:
        self.number = np.random.Generator(np.random.PCG64(seed)).random

    def one_of(self, words: Sequence[str]) -> str:
        return words[int(self.number() * len(words))]

    def happens(self, share: float) -> bool:
        return self.number() < share


def sentences(seed: int, count: int = COUNT) -> tuple[list[str], list[str]]:
    """Draw `count` different sentences and their labels, negative and positive in turn.

    Raises UsageError for more than 20,000.
    """
    if not 0 <= count <= _MOST:
        raise UsageError(f"count must be from 0 to {_MOST:,} sentences, got {count:,}.")
    draws, found = _Draws(seed), dict[str, str]()
    while len(found) < count:
        label = LABELS[len(found) % 2]
        found.setdefault(_sentence(draws, label), label)
    return list(found), list(found.values())


def _sentence(draws: _Draws, label: str) -> str:
    opener, product = draws.one_of(_OPENERS), draws.one_of(_PRODUCTS)
    verdict = _verdict(draws, label)
    if not draws.happens(_CONTRAST):
        return f"{opener}the {product} is {verdict}"
    other = _verdict(draws, NEGATIVE if label == POSITIVE else POSITIVE)
    part = draws.one_of(_PARTS)
    form: Callable[..., str] = _FORMS[int(draws.number() * len(_FORMS))].format
    return opener + form(product=product, part=part, verdict=verdict, other=other)


_FORMS: Final = (
    "the {product} is {other} but {verdict}",
    "the {product} is {other} but {verdict}",
    "although the {part} is {other} the {product} is {verdict}",
    "the {product} is {verdict} although the {part} is {other}",
)


def _verdict(draws: _Draws, label: str) -> str:
    """Return an adjective that says `label`, or the negation of one that says the opposite."""
    if draws.happens(_NEGATED):
        opposite = NEGATIVE if label == POSITIVE else POSITIVE
        return draws.one_of(_NEGATIONS) + draws.one_of(_ADJECTIVES[opposite])
    degrees = (*_DEGREES, "too ", "too ") if label == NEGATIVE else _DEGREES
    return draws.one_of(degrees) + draws.one_of(_ADJECTIVES[label])


TEXTS: Final[dict[str, Callable[[int], tuple[list[str], list[str]]]]] = {"sentences": sentences}


def text_table(name: str, seed: int, length: int | None = None) -> Table:
    """Return the sentences as a table of texts and labels; raise UsageError if given a length."""
    if length is not None:
        raise UsageError(
            f"--length does not apply to {name}: its sentences vary in length. Drop it."
        )
    texts, labels = TEXTS[name](seed)
    columns = {TEXT: TableColumn.of_text(texts), LABEL: TableColumn.of_text(labels)}
    return Table(name, columns, range(1, len(texts) + 1), place="row")
