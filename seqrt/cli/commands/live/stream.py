"""`seqrt stream`: one step per line on stdin, one prediction per line on stdout."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqrt.cli.model_options import (
    DeviceOption,
    ModelArgument,
    Sha256Option,
    TF32Option,
    UnsealedOption,
    model_or_newest,
    open_model,
)
from seqrt.cli.options import parse_names
from seqrt.cli.predictions.ranges import RangeChecks, StrictRangeOption
from seqrt.cli.signals import delay_signals
from seqrt.cli.streaming.answers import Answers
from seqrt.cli.streaming.encoder import StepEncoder, WideStepEncoder
from seqrt.cli.streaming.lines import (
    Columns,
    Csv,
    Json,
    Record,
    TextLine,
    format_of,
    read_lines,
    text_of,
)
from seqrt.cli.streaming.live import LiveLines, WideLiveLines
from seqrt.cli.streaming.texts import check_no_state, stream_texts
from seqrt.cli.talk import say
from seqrt.errors import InputError, UsageError

if TYPE_CHECKING:
    from seqrt.contract import Manifest
    from seqrt.runtime import Model

# Lines predicted in one call, where as many have arrived. Ctrl-C waits for the call to end.
_MOST = 512
_Ready = Callable[[Iterator[list[Record]]], Iterator[list[Record]]]
_NO_KEY = "none"


def stream(
    model: ModelArgument = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES",
            help="Columns of keys; each key has a stream of its own; none: one stream"
            "  [the series columns of the model]",
        ),
    ] = None,
    restore: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Continue from a state written by --save")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the state to this file at the end")
    ] = None,
    adapt: Annotated[
        float | None,
        typer.Option(
            metavar="RATE",
            help="Adapt the intervals of the next step to how often they missed, at this rate,"
            " such as 0.01",
        ),
    ] = None,
    alarm: Annotated[
        float | None,
        typer.Option(
            metavar="RATE",
            help="Flag each row that the forecast before it makes rarer than this, such as 0.001",
        ),
    ] = None,
    device: DeviceOption = "cpu",
    tf32: TF32Option = False,
    sha256: Sha256Option = None,
    unsealed: UnsealedOption = False,
    strict_range: StrictRangeOption = False,
) -> None:
    """Predict each line of stdin as soon as it arrives.

    A line is one step of a sequence, and its prediction is one line on stdout. In CSV, the first
    line may name the columns, in any order, and columns that the model does not use are ignored;
    without names, a line holds the columns of the model in order. In JSON, a line is a list of them
    or an object with their names. Predictions have the format of the input. A model that accepts
    missing values reads empty cells and null.

    The columns are those of the training table: categories as text, counters as they are, the time
    for calendar features. Values known ahead have the names of their features, such as promo+1.
    The targets of a wide table are columns of each line, and forecast side by side; one whose cells
    are still empty has no forecast.

    A forecaster answers each row with its forecast of the rows after it. With --alarm, each row is
    also judged by the forecast made at the row before: p is the probability of a value at least as
    far out, and alarm is 1 where p is below the rate. Rows before the first forecast have no p.

    For a model of text, each line is a text of its own: it is answered by its label and the
    probability of that, with a tab between them, and for tags by a label for each token. A line of
    JSON, an object or a string, is answered by an object with the probability of each class.

    The state is saved when the input ends, and also when Ctrl-C, SIGTERM or an invalid line ends
    it: it is always the state after the last prediction.

    \b
    Examples:
      seqrt stream < sunspots.csv
      tail -f pump.jsonl | seqrt stream pump.onnx
      seqrt stream sales.onnx --alarm 0.001 --adapt 0.01 < sales.csv
      echo "What a lovely film" | seqrt stream reviews.onnx
      seqrt stream --key car --restore cars.state --save cars.state < cars.csv
    """
    from seqrt.files import check_not_input, check_writable, write_bytes

    if sys.stdin is None:
        raise UsageError("stdin must be open, because the steps are read from it.")
    path = model_or_newest(model)
    if save is not None:
        check_writable(save)
        check_not_input(save, path, 0)
    opened = open_model(path, device, sha256=sha256, unsealed=unsealed, tf32=tf32)
    if opened.manifest.text is not None:
        check_no_state(key=key, restore=restore, save=save, adapt=adapt, alarm=alarm)
        stream_texts(opened)
        return
    given = parse_names("--key", key)
    manifest, encoder = _read_as(opened, given)
    answers = Answers(manifest, alarms=alarm is not None)
    columns = _columns(manifest, encoder, answers, given)
    checks = RangeChecks(opened.manifest, strict=strict_range)
    kind = WideLiveLines if isinstance(encoder, WideStepEncoder) else LiveLines
    live = kind(opened, adapt, alarm, keyed=bool(columns.keys))

    def ready(batches: Iterator[list[Record]]) -> Iterator[list[Record]]:
        return checks.of_batches(_encoded(batches, columns, encoder))

    if restore is not None:
        live.restore(restore)
    if sys.stdin.isatty():
        names = ", ".join((*columns.keys, *columns.sources))
        say(f"Type one step per line: {names}. Ctrl-D ends the input.")
    try:
        if not _predict_lines(live, columns, ready, answers):
            say("stdin is empty: there is nothing to predict")
    finally:
        if save is not None:
            write_bytes(save, live.save())


def _read_as(model: Model, keys: tuple[str, ...]) -> tuple[Manifest, StepEncoder]:
    """Return the manifest that names keys and outputs, and the encoder of lines.

    Lines have the wide columns of a model, unless the column of their names is a key.
    """
    from seqrt.ahead.wide import side_by_side

    m = model.manifest
    if not m.wide or m.series[-1] in keys:
        return m, StepEncoder(m)
    return side_by_side(m), WideStepEncoder(m)


def _columns(
    m: Manifest, encoder: StepEncoder, answers: Answers, given: tuple[str, ...]
) -> Columns:
    outputs = answers.names
    keys = () if given == (_NO_KEY,) else given or m.series
    wrong = next((key for key in keys if key in outputs), None)
    if wrong:
        raise UsageError(
            f"--key must be a column of the input, not an output of the model, got {wrong!r}."
        )
    return Columns(encoder.sources, outputs, keys, m.takes_missing, encoder.plain)


def _predict_lines(live: LiveLines, columns: Columns, ready: _Ready, answers: Answers) -> int:
    """Predict the lines of stdin as they arrive; return how many there were."""
    out = sys.stdout.buffer
    form: Json | Csv | None = None
    count = 0
    for lines in read_lines(sys.stdin.buffer):
        form = form or _first_format(lines, columns)
        if form is None:
            continue
        for batch in ready(_batches(form, lines)):
            opening, form.opening = form.opening, ""
            written = [opening]
            with delay_signals():  # until state and output agree again
                try:
                    written += (
                        form.write(record, answers.values(y)) for record, y in live.push(batch)
                    )
                finally:
                    out.write("".join(written).encode())
                    out.flush()
            count += len(batch)
    return count


def _first_format(lines: list[TextLine], columns: Columns) -> Json | Csv | None:
    """Return the format of the first line that is not blank, if there is one."""
    texts = (text_of(line) for line in lines)
    first = next((text for text in texts if text), None)
    return None if first is None else format_of(first, columns)


def _batches(form: Json | Csv, lines: list[TextLine]) -> Iterator[list[Record]]:
    """Yield records to predict together; raise for an invalid line after the records before it.

    No key occurs twice in a batch. The line of names makes an empty batch.
    """
    batch: list[Record] = []
    keys: set[str | int] = set()
    for line in lines:
        try:
            text = text_of(line)
            record = form.read(line, text) if text or form.reads_blank else None
        except InputError:
            yield batch
            raise
        if record is None:
            continue
        if record.key in keys or len(batch) == _MOST:
            yield batch
            batch, keys = [], set()
        batch.append(record)
        if record.key is not None:
            keys.add(record.key)
    yield batch


def _encoded(
    batches: Iterator[list[Record]], columns: Columns, encoder: StepEncoder
) -> Iterator[list[Record]]:
    """Yield the batches with their features; raise for an invalid cell after the lines before."""
    if columns.plain:
        yield from batches
        return
    for batch in batches:
        ready: list[Record] = []
        try:
            ready.extend(encoder.encoded(batch))  # an error leaves those before it
        except InputError:
            yield ready
            raise
        yield ready
