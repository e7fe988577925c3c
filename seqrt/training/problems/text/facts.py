"""What is known of the texts of a problem before any training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from seqrt.training.problems.problem import Problem
from seqrt.training.problems.text.labelled import LabelledTexts


@dataclass(frozen=True)
class TextFacts:
    """The `count` texts of a column: their lengths in tokens, and their words.

    `words` is how many different words they have, 0 for texts of bytes, and `known` how many of
    them are in the vocabulary. `labels` has how often each label occurs.
    """

    column: str
    unit: str
    count: int
    shortest: int
    median: float
    longest: int
    words: int = 0
    known: int = 0
    labels: tuple[tuple[int | str, int], ...] = ()

    @classmethod
    def of(cls, problem: Problem, data: LabelledTexts | None = None) -> TextFacts:
        """Measure the texts of a problem; `data` is None for a language model."""
        text = problem.metadata.text
        assert text is not None
        parts = [part for part in (problem.train, problem.validation) if part]
        lengths = np.concatenate([part.x.lengths for part in parts])
        if data is None:
            total = int(lengths.sum()) + 1  # the first byte is not predicted
            return cls(text.column, "byte", 1, total, total, total)
        labels: tuple[Any, ...] = ()
        if data.classes:
            found, counts = np.unique(data.truth, return_counts=True)
            labels = tuple(zip(found.tolist(), counts.tolist(), strict=True))
        return cls(
            column=text.column,
            unit=text.kind[:-1],
            count=len(data),
            shortest=int(lengths.min()),
            median=float(np.median(lengths)),
            longest=int(lengths.max()),
            words=0 if data.interned is None else len(data.interned.words),
            known=len(text.vocabulary),
            labels=labels,
        )
