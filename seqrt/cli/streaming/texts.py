"""Lines of text on stdin, and the prediction for each on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from seqrt.cli.predictions.texts import plain_line, text_record
from seqrt.cli.signals import delay_signals
from seqrt.cli.streaming.lines import TextLine, read_lines, text_of
from seqrt.cli.talk import say
from seqrt.errors import InputError, UsageError

if TYPE_CHECKING:
    from seqrt.runtime import Model

# Texts predicted in one call, where as many have arrived. Ctrl-C waits for the call to end.
_MOST = 256


def check_no_state(**options: object) -> None:
    """Raise UsageError if an option of streams of steps is given for texts."""
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if given:
        verb, them = ("does", "it") if len(given) == 1 else ("do", "them")
        raise UsageError(
            f"{', '.join(given)} {verb} not apply to texts: each line is a text of its own, and"
            f" nothing is carried to the next. Drop {them}."
        )


def stream_texts(model: Model) -> None:
    """Predict each line of stdin: one that is a JSON object or string is answered in JSON.

    A blank line is answered by a blank line, so that lines and predictions stay side by side.
    """
    m = model.manifest
    if m.task == "generate":
        raise UsageError(f"{m.name} is a language model, which writes text: use seqrt generate.")
    if sys.stdin.isatty():
        say("Type one text per line. Ctrl-D ends the input.")
    out, seen = sys.stdout.buffer, False
    for lines in read_lines(sys.stdin.buffer):
        for first in range(0, len(lines), _MOST):
            texts, fault = _texts(lines[first : first + _MOST], model)
            with delay_signals():  # so that a batch is answered whole
                out.write("".join(_answers(model, texts)).encode())
                out.flush()
            seen = seen or bool(texts)
            if fault is not None:
                raise fault
    if not seen:
        say("stdin is empty: there is nothing to predict")


def _texts(lines: list[TextLine], model: Model) -> tuple[list[tuple[str, bool]], InputError | None]:
    """Return the texts of lines, whether each is in JSON, and the error that ends them, if any."""
    assert model.manifest.text is not None
    texts = []
    for line in lines:
        try:
            texts.append(_text(line, text_of(line), model.manifest.text.column))
        except InputError as error:
            return texts, error
    return texts, None


def _text(line: TextLine, content: str, column: str) -> tuple[str, bool]:
    if not content.startswith(("{", '"')):
        return content, False
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        if content.startswith("{"):
            raise _refuse(line, "a line that begins with { must be a JSON object") from None
        return content, False
    if isinstance(value, dict):
        if column not in value:
            what = f"the object must have the key {column!r}, got {', '.join(value)!s:.60}"
            raise _refuse(line, what)
        value = value[column]
    if not isinstance(value, str):
        raise _refuse(line, f"{column!r} must be text, got {value!r:.60}")
    return value, True


def _answers(model: Model, texts: list[tuple[str, bool]]) -> Iterator[str]:
    """Yield the line that answers each text."""
    from seqrt.text.tokenizer import Tokenizer

    assert model.manifest.text is not None
    tokenizer = Tokenizer(model.manifest.text)
    known = [tokenizer.encode(text) for text, _ in texts if text.strip()]
    found: Iterator[Any] = iter(model.predict(known) if known else ())
    for text, as_json in texts:
        record = text_record(model.manifest, next(found)) if text.strip() else None
        if as_json:
            yield json.dumps(record, ensure_ascii=False) + "\n"
        else:
            yield ("" if record is None else plain_line(record)) + "\n"


def _refuse(line: TextLine, what: str) -> InputError:
    return InputError(f"E_INPUT_FORMAT: stdin, line {line.number}: {what}.")
