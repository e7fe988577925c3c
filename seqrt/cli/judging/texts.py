"""The metrics of a model of text: on texts with targets, or of a language model on a book."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from seqrt.cli.judging.judged import JudgeOptions, seen_in_training
from seqrt.cli.judging.measured import MeasuredText
from seqrt.cli.predictions.reading import ReadOptions
from seqrt.cli.predictions.texts import open_texts
from seqrt.cli.talk import say, say_labelled
from seqrt.errors import UsageError

if TYPE_CHECKING:
    from seqrt.runtime import Model


def evaluate_texts(
    model: Model,
    data: Path,
    target: tuple[str, ...],
    how: ReadOptions,
    options: JudgeOptions,
) -> MeasuredText:
    """Measure a model of text on DATA; raise UsageError for options that do not apply."""
    how.check_texts()
    options.check_unused("texts")
    if model.manifest.task == "generate":
        from seqrt.cli.judging.books import judge_book

        if target or how.text:
            option = "--target" if target else "--text"
            raise UsageError(f"{option} does not apply to a language model. Drop it.")
        return judge_book(model, data)
    return _judge_labels(model, data, target, how.text)


def report_texts(
    found: MeasuredText, model: Model, path: Path, data: Path, *, as_json: bool
) -> None:
    """Print the metrics of a model of text."""
    if as_json:
        record = {"model": str(path), "sha256": model.digest, **found.record()}
        typer.echo(json.dumps(record, indent=2))
        return
    for note in found.notes:
        say_labelled("note", note)
    say(f"{path.name} on {found.count:,} {found.unit} of {data}")
    for line in found.lines():
        typer.echo(line)
    for _ in seen_in_training(data, model.manifest):
        typer.echo(
            f"note: {data.name} is what the network was trained on, so these metrics flatter it."
            " Use texts that it has not seen."
        )


def _judge_labels(
    model: Model, path: Path, target: tuple[str, ...], column: str | None
) -> MeasuredText:
    import numpy as np

    from seqrt.contract.text import UNKNOWN
    from seqrt.data.texts.targets import labelled_texts
    from seqrt.metrics import measure

    m = model.manifest
    part, out = labelled_texts(open_texts(path, m, column), m, target)
    y = model.predict([ids[:, 0] for ids in part.x])
    predicted = np.concatenate(y) if m.head == "sequence" else np.asarray(y)
    truth, notes = part.truth, out.notes()
    if m.text is not None and m.text.kind == "words":
        unknown = np.mean([(ids == UNKNOWN).mean() for ids in part.x])
        notes += (f"{unknown:.1%} of the words of a text are unknown, on average",)
    if m.classes:
        name, guess = "majority class", _frequencies(truth, m.classes)
    else:
        name, guess = "mean", truth.reshape(len(truth), -1).mean(0)
    constant = np.tile(guess, (len(predicted), 1))
    return MeasuredText(
        len(truth),
        "tokens" if m.head == "sequence" else "texts",
        measure(m.task, truth, predicted, m.classes),
        {name: measure(m.task, truth, constant, m.classes)},
        notes,
    )


def _frequencies(truth: Any, classes: tuple[int | str, ...]) -> Any:
    """Return how often each class is among the labels of the data itself."""
    import numpy as np

    return np.array([(truth == label).mean() for label in classes])
