"""The metrics of a language model on a text of any length, read in pieces of little memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrt.cli.judging.measured import MeasuredText
from seqrt.cli.progress import work_progress
from seqrt.errors import InputError, UsageError

if TYPE_CHECKING:
    from seqrt.runtime import Model

# Many bytes take many steps, one after the other, unless several places of the text are read side
# by side. Each of these rows first reads so many bytes before its own, which are not scored.
_WARM_UP = 512
_MOST_ROWS, _SHORTEST_ROW = 32, 4096
_STEPS = 256
_TEXT = ".txt"


def judge_book(model: Model, path: Path) -> MeasuredText:
    """Return the metrics of a language model on a .txt file, or on the texts of a folder.

    The probability of each byte but the first is that after all bytes before it; in long texts,
    read in up to 32 rows, after at least the 512 before it. The baseline knows how often each byte
    occurs in the text itself, and nothing else.
    """
    import numpy as np

    from seqrt.metrics import language_metrics

    nats = right = count = 0.0
    bytes_seen = np.zeros(256, np.int64)
    files = _files(path)
    total = sum(each.stat().st_size for each in files)
    if total <= len(files):
        raise InputError(f"E_INPUT_EMPTY: {path} must have a text of two bytes or more.")
    with work_progress(total, "bytes") as advance:
        for each in files:
            text = _mapped(each)
            for truth, predicted in _scored(model, text):
                kept = np.take_along_axis(predicted, truth[:, None], 1)[:, 0]
                smallest = np.finfo(np.float32).eps
                nats -= float(np.log(np.maximum(kept.astype(np.float64), smallest)).sum())
                right += int((predicted.argmax(1) == truth).sum())
                bytes_seen += np.bincount(truth, minlength=256)
                count += len(truth)
                advance(len(truth))
    share = bytes_seen[bytes_seen > 0] / count
    entropy, most = float(-(share * np.log(share)).sum()), float(share.max())
    return MeasuredText(
        int(count),
        "bytes",
        language_metrics(nats / count, right / count),
        {"byte frequencies": language_metrics(entropy, most)},
    )


def _files(path: Path) -> tuple[Path, ...]:
    from seqrt.data.readers.source import files_of

    files = files_of(str(path))
    other = next((each for each in files if each.suffix.lower() != _TEXT), None)
    if other is not None:
        raise UsageError(
            f"a language model is measured on the bytes of .txt files, got {other}. Save the text"
            " alone as .txt."
        )
    return files


def _mapped(path: Path) -> Any:
    """Return the bytes of a file, mapped from the disk."""
    import numpy as np

    from seqrt.data.readers.source import opened

    with opened(path) as file:
        size = path.stat().st_size
        return np.memmap(file, np.uint8, "r") if size else np.empty(0, np.uint8)


def _scored(model: Model, text: Any) -> Iterator[tuple[Any, Any]]:
    """Yield pieces of a text, without its first byte, and the probabilities (n, 256) of each."""
    import numpy as np

    scored = len(text) - 1
    if scored < 1:
        return
    rows = max(1, min(_MOST_ROWS, scored // _SHORTEST_ROW))
    edges = np.linspace(0, scored, rows + 1).astype(np.int64)
    starts, ends = edges[:-1], edges[1:]
    # all rows read equally many steps, and score those that are their own
    longest = int((ends - starts).max()) + (_WARM_UP if rows > 1 else 0)
    begins = np.maximum(ends - longest, 0)
    state = model.zero_state(rows)
    for at in range(0, longest, _STEPS):
        places = begins[:, None] + np.arange(at, min(at + _STEPS, longest))
        inside = (places >= starts[:, None]) & (places < ends[:, None])
        ids = text[np.minimum(places, scored - 1)].astype(np.int64) + 1
        y, state = model.run(ids, state=state)
        if inside.any():
            yield text[places[inside] + 1].astype(np.int64), y[inside]
