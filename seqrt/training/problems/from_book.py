"""Making the problem of a language model: to predict each byte of a text from those before it."""

from __future__ import annotations

import math
import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqrt.contract.text import Text
from seqrt.data import Part
from seqrt.data.ragged import Ragged
from seqrt.data.readers.source import (
    TEXT,
    Source,
    class_folders,
    files_of,
    is_several,
    opened,
    shown,
)
from seqrt.encoding.cells import parse_number
from seqrt.errors import UsageError
from seqrt.training.inputs.scaling import id_column, probability_columns
from seqrt.training.networks.metadata import Metadata
from seqrt.training.problems.options import DataOptions
from seqrt.training.problems.problem import Problem
from seqrt.training.problems.split import Fold, Validation, check_share

USUAL_SHARE: Final = 0.1
"""The share of a text for validation, unless it is asked for."""

FEWEST_BYTES: Final = 1000
BYTES: Final = 256

# The width of the table of embeddings until a plan sets it.
_WIDTH: Final = 64

# A table shows in its first bytes and lines.
_PROBED, _LINES = 1 << 14, 20
_SEPARATORS: Final = re.compile(r"[\s,;]+")

# Bytes that are counted at once.
_PIECE: Final = 1 << 22


def is_book(source: Source, options: DataOptions) -> bool:
    """Return whether a language model learns from `source`: .txt files without labels or targets.

    Raises UsageError if `options` ask for a language model of other data.
    """
    asked = options.task == "generate"
    if asked and options.tokens == "words":
        raise UsageError("a language model reads bytes. Drop --tokens.")
    texts = all(str(each).lower().endswith(TEXT) for each in _files(source))
    if asked and (not texts or _has_classes(source)):
        raise UsageError(
            f"task generate learns the bytes of texts, so {shown(source)} must be a .txt file, or"
            " several. Name one, or choose another --task."
        )
    labelled = options.target or options.text or _has_classes(source)
    return asked or (texts and options.task is None and not labelled)


def read_book(source: Source) -> bytes:
    """Return the bytes of one or several texts; each of several ends with a line break."""
    texts = []
    for path in files_of(source):
        with opened(path) as file:
            texts.append(file.read())
    if len(texts) == 1:
        return texts[0]
    return b"".join(text if text.endswith(b"\n") else text + b"\n" for text in texts)


def check_is_text(data: bytes, source: str) -> None:
    """Raise UsageError for a text that begins with lines of numbers, as a table does."""
    lines = data[:_PROBED].decode(errors="replace").splitlines()[1:_LINES]
    cells = [cell for line in lines for cell in _SEPARATORS.split(line.strip()) if line.strip()]
    if len(lines) > 1 and cells and all(math.isfinite(parse_number(cell)) for cell in cells):
        raise UsageError(
            f"{source} holds lines of numbers. If it is a table, rename it to .csv; --task generate"
            " learns to write such text."
        )


def _files(source: Source) -> tuple[Any, ...]:
    return files_of(source) if is_several(source) else (source,)


def _has_classes(source: Source) -> bool:
    return not isinstance(source, tuple) and is_several(source) and bool(class_folders(source))


def book_problem(
    data: bytes, source: str, val: Validation = USUAL_SHARE, *, usual_val: bool = False
) -> Problem:
    """Make the problem of a text: x (N, 1) are the ids of its bytes, y (N,) the bytes after them.

    The last share `val` is for validation, or with `usual_val` a tenth. Both parts are one sequence
    of the same array; the loop cuts the first into rows, see seqrt.training.inputs.side_by_side.
    Raises UsageError for folds, and for a text that is too short.
    """
    if isinstance(val, Fold):
        raise UsageError(
            f"folds are for many sequences, but {source} is one text, whose last part is for"
            " validation. Drop --folds."
        )
    share = USUAL_SHARE if usual_val else val
    check_share(share)
    if len(data) < FEWEST_BYTES:
        raise UsageError(
            f"a language model needs a text of at least {FEWEST_BYTES:,} bytes, but {source} has"
            f" {len(data):,}. Give a longer text, or several."
        )
    text = np.frombuffer(data, np.uint8)
    ids: NDArray[Any] = text[:-1].astype(np.int32)[:, None]
    ids += 1
    judged = round(share * len(ids))
    train, validation = (
        Part(
            Ragged(ids, np.array([first]), np.array([end - first]), nan=False),
            [text[1 + first : 1 + end]],
        )
        for first, end in ((0, len(ids) - judged), (len(ids) - judged, len(ids)))
    )
    metadata = Metadata(
        task="generate",
        features=(id_column(BYTES + 1),),
        outputs=probability_columns(range(BYTES)),
        classes=tuple(range(BYTES)),
        text=Text("bytes", _WIDTH),
    )
    return Problem(
        metadata=metadata,
        head="sequence",
        activation="softmax",
        train=train,
        validation=validation if judged else None,
        time="byte",
        share=share,
    )


def pair_counts(part: Part) -> NDArray[np.int64]:
    """Return how often each byte follows each other in a part (256, 256): rows are the earlier."""
    counts = np.zeros(BYTES * BYTES, np.int64)
    for x, y in zip(part.x, part.y, strict=True):
        for at in range(0, len(x), _PIECE):
            pairs = (x[at : at + _PIECE, 0] - 1) * BYTES + y[at : at + _PIECE]
            counts += np.bincount(pairs, minlength=len(counts))
    return counts.reshape(BYTES, BYTES)


def book_baselines(problem: Problem) -> dict[str, tuple[float, float]]:
    """Return nats a byte and accuracy, on the judged part, of counts of the training part by name.

    The counts of bytes, and those of the bytes after each byte; each is raised by one.
    """
    seen, judged = pair_counts(problem.train), pair_counts(problem.judged)
    return {
        "byte frequencies": _scores(seen.sum(0, keepdims=True), judged.sum(0, keepdims=True)),
        "after each byte": _scores(seen, judged),
    }


def _scores(seen: NDArray[np.int64], judged: NDArray[np.int64]) -> tuple[float, float]:
    """Return the mean negative log-probability of what is judged, and the share guessed right."""
    p: NDArray[Any] = (seen + 1) / (seen + 1).sum(1, keepdims=True)
    hits = np.take_along_axis(judged, seen.argmax(1)[:, None], 1).sum()
    total = judged.sum()
    return float(-(judged * np.log(p)).sum() / total), float(hits / total)
