"""`seqrt stream`: lines in on stdin, an answer to each on stdout, the state kept."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqrt.cli.options import (
    DeviceOption,
    ModelArgument,
    Sha256Option,
    TF32Option,
    UnsealedOption,
    chosen,
    open_model,
)
from seqrt.cli.stream_lines import Columns, Csv, Json, Line, Record, arriving, form_of, text_of
from seqrt.errors import InputError, UsageError

if TYPE_CHECKING:
    from seqrt.runtime import Model

# Lines that are answered together where so many are there; Ctrl-C waits for them.
_MOST = 512


def stream(
    model: ModelArgument = None,
    key: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Whose step a line is: a stream for each"),
    ] = None,
    restore: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Go on from what --save wrote")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the state at the end")
    ] = None,
    device: DeviceOption = "cpu",
    tf32: TF32Option = False,
    sha256: Sha256Option = None,
    unsealed: UnsealedOption = False,
) -> None:
    """Answer each line on stdin with a line on stdout, at once.

    A line is one step. In CSV, the first line names the columns, in any order and others among
    them, or there are no names and just the model's features in their order. In JSON, a line is a
    list of the features, or an object with their names. The answers have the form of the input.
    A model with a policy for missing values reads empty cells and null.

    The state is saved at the end of the input, and also where Ctrl-C, SIGTERM or a bad line end it:
    it is always the one behind the last answer.

    \b
    Examples:
      seqrt stream < sunspots.csv
      tail -f pump.jsonl | seqrt stream pump.onnx
      seqrt stream --key car --restore cars.state --save cars.state < cars.csv
    """
    from seqrt.files import check_not_input, check_writable, write_bytes

    if sys.stdin is None:
        raise UsageError("stdin must be open: the steps come from there.")
    path = chosen(model)
    if save is not None:
        check_writable(save)
        check_not_input(save, path, 0)
    opened = open_model(path, device, sha256=sha256, unsealed=unsealed, tf32=tf32)
    columns = _columns(opened, key)
    live = _Live(opened, keyed=key is not None)
    if restore is not None:
        live.restore(restore)
    if sys.stdin.isatty():
        typer.echo(f"one line a step: {', '.join(columns.features)}; Ctrl-D ends", err=True)
    try:
        answered = _answer_all(live, columns)
        if not answered:
            typer.echo("there is nothing to answer: stdin is empty", err=True)
    finally:
        if save is not None:
            write_bytes(save, live.save())


class _Live:
    """One stream, or one for each key."""

    def __init__(self, model: Model, *, keyed: bool) -> None:
        self._model = model
        self._one = None if keyed else model.stream()
        self._many = model.streams()

    def push(self, turn: list[Record]) -> Iterator[tuple[Record, Any]]:
        """Yield each record of a turn with its answer."""
        import numpy as np

        if self._one is not None:
            for record in turn:
                with _named(record):
                    y = self._one.push(np.array(record.x, np.float32))
                yield record, y
        elif turn:
            with _named(turn[0]):
                steps = {record.key: np.array(record.x, np.float32) for record in turn}
                answers = self._many.push(steps)
            yield from zip(turn, answers.values(), strict=True)

    def save(self) -> bytes:
        return self._many.snapshot() if self._one is None else self._one.save()

    def restore(self, path: Path) -> None:
        from seqrt.data.readers.source import opened

        with opened(path) as file:
            saved = file.read()
        try:
            if self._one is None:
                self._many = self._model.streams(saved)
            else:
                self._one.restore(saved)
        except InputError as error:
            code, _, what = str(error).partition(": ")
            other = "must be the bytes" in what
            hint = " Was it saved with --key, or without?" if other else ""
            raise InputError(f"{code}: {path}: {what}{hint}") from None


def _columns(model: Model, key: str | None) -> Columns:
    m = model.manifest
    outputs = tuple(column.name for column in m.outputs)
    if key in outputs:
        raise UsageError(f"--key must be no output of the model, and {key!r} is one.")
    return Columns(tuple(column.name for column in m.features), outputs, key, m.takes_missing)


def _answer_all(live: _Live, columns: Columns) -> int:
    """Answer the lines of stdin as they come; return how many."""
    out = sys.stdout.buffer
    form: Json | Csv | None = None
    answered = 0
    for lines in arriving(sys.stdin.buffer):
        form = form or _first_form(lines, columns)
        if form is None:
            continue
        for turn in _turns(form, lines):
            opening, form.opening = form.opening, ""
            answers = [opening]
            with _undisturbed():
                try:
                    answers += (form.answer(record, _plain(y)) for record, y in live.push(turn))
                finally:
                    out.write("".join(answers).encode())
                    out.flush()
            answered += len(turn)
    return answered


def _first_form(lines: list[Line], columns: Columns) -> Json | Csv | None:
    """Return the form that the first line with anything on it shows, if there is one."""
    texts = (text_of(line) for line in lines)
    first = next((text for text in texts if text), None)
    return None if first is None else form_of(first, columns)


def _turns(form: Json | Csv, lines: list[Line]) -> Iterator[list[Record]]:
    """Yield records to answer together, and raise for a bad line after those before it.

    No key stands twice in a turn. An empty one stands for the line of names.
    """
    turn: list[Record] = []
    keys: set[str | int] = set()
    for line in lines:
        try:
            text = text_of(line)
            record = form.read(line, text) if text or form.reads_blank else None
        except InputError:
            yield turn
            raise
        if record is None:
            continue
        if record.key in keys or len(turn) == _MOST:
            yield turn
            turn, keys = [], set()
        turn.append(record)
        if record.key is not None:
            keys.add(record.key)
    yield turn


@contextmanager
def _named(record: Record) -> Iterator[None]:
    """Say in an InputError on which line it was."""
    try:
        yield
    except InputError as error:
        code, _, what = str(error).partition(": ")
        raise InputError(f"{code}: stdin, line {record.line}: {what}") from None


def _plain(y: Any) -> list[float]:
    """Return the numbers with as few digits as tell them apart in float32."""
    return [float(str(number)) for number in y]


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until state and answers agree again; a second one does not."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def wait(number: int, frame: FrameType | None) -> None:
        handler = handlers[signal.Signals(number)]
        if arrived and callable(handler):
            handler(number, frame)
        arrived.append(number)

    for number, handler in handlers.items():
        if callable(handler):
            signal.signal(number, wait)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            if callable(handler):
                signal.signal(number, handler)
    if arrived:
        signal.raise_signal(arrived[0])
