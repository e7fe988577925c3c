"""DATA for a model that reads text: the texts in a table or in files, and answers in words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqrt.cli.talk import say_labelled
from seqrt.errors import UsageError
from seqrt.wording import counted

if TYPE_CHECKING:
    from seqrt.contract import Manifest
    from seqrt.data.texts.ids import TextIds

TextOption = Annotated[
    str | None,
    typer.Option("--text", metavar="COLUMN", help="Column of the texts  [that of training]"),
]


def reads_texts(path: Path, manifest: Manifest) -> bool:
    """Whether a model reads the texts of a file, and not the ids in an array."""
    from seqrt.data.readers.source import ARRAYS

    return manifest.text is not None and path.suffix.lower() not in ARRAYS


def open_texts(path: Path, manifest: Manifest, column: str | None = None) -> TextIds:
    """Return the texts of a file or folder as ids, those of a table in a column.

    Raises UsageError for a language model.
    """
    from seqrt.data import Table, read
    from seqrt.data.texts.ids import read_text_ids

    assert manifest.text is not None
    check_predicts(manifest)
    table = read(str(path), trained=manifest)
    assert isinstance(table, Table)
    return read_text_ids(table, manifest.text, column, manifest.targets)


def check_predicts(manifest: Manifest) -> None:
    """Raise UsageError for a language model, which predicts no label."""
    if manifest.task == "generate":
        raise UsageError(
            f"{manifest.name} is a language model, which writes text: use seqrt generate, and seqrt"
            " evaluate to measure it."
        )


def say_blank(data: TextIds, *, table: bool) -> None:
    """Say how many rows have no text, and what becomes of them."""
    if data.blank:
        rows = counted(data.blank, "row")
        verb = "has" if data.blank == 1 else "have"
        what = "no prediction, and empty cells" if table else "no prediction, and no place in FILE"
        say_labelled("note", f"{rows} without a text {verb} {what}")


def text_record(m: Manifest, y: Any) -> dict[str, Any]:
    """Return a prediction y (O,), or (T, O) for tags, by the names of what it holds."""
    if m.head == "sequence":
        return {"labels": [m.classes[i] for i in y.argmax(1).tolist()]}
    if m.classes:
        best = int(y.argmax())
        each = {str(label): _digits(p) for label, p in zip(m.classes, y, strict=True)}
        return {"label": m.classes[best], "probability": _digits(y[best]), "probabilities": each}
    return {column.name: _digits(value) for column, value in zip(m.outputs, y, strict=True)}


def plain_line(record: dict[str, Any]) -> str:
    """Return a prediction on one line: the label and its probability, labels, or numbers."""
    if "labels" in record:
        return " ".join(map(str, record["labels"]))
    return "\t".join(str(value) for value in record.values() if not isinstance(value, dict))


def _digits(value: Any) -> float:
    """Return a float32 in the fewest digits that identify it."""
    return float(str(value))
