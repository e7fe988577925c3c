"""`seqrt generate`: text that continues a prompt, printed while it is drawn."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqrt.cli.model_options import (
    DeviceOption,
    ModelArgument,
    Sha256Option,
    UnsealedOption,
    model_or_newest,
    open_model,
)
from seqrt.cli.options import JsonOption
from seqrt.cli.streaming.text_output import writing_text
from seqrt.cli.talk import say
from seqrt.errors import UsageError

if TYPE_CHECKING:
    from seqrt.runtime import Model

_STDIN, _STDOUT = "-", Path("-")


def generate(
    model: ModelArgument = None,
    prompt: Annotated[
        str | None,
        typer.Argument(
            metavar="PROMPT",
            help="Text to continue; -: read it from stdin  [stdin if it is piped, or no text]",
        ),
    ] = None,
    n: Annotated[
        int, typer.Option("-n", "--bytes", metavar="NUMBER", min=0, help="Bytes to write")
    ] = 500,
    temperature: Annotated[
        float,
        typer.Option(
            metavar="NUMBER",
            min=0,
            help="Below 1: prefer probable bytes; 0: always take the most probable",
        ),
    ] = 1.0,
    top_k: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER", min=1, help="Draw only from this many most probable bytes  [all]"
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", min=0, help="Seed of the text  [drawn, and reported]"),
    ] = None,
    no_prompt: Annotated[
        bool, typer.Option("--no-prompt", help="Write only the new text, without the prompt")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="File of the text  [stdout]"),
    ] = None,
    device: DeviceOption = "cpu",
    sha256: Sha256Option = None,
    unsealed: UnsealedOption = False,
    as_json: JsonOption = False,
) -> None:
    """Continue a prompt with text from a language model, byte by byte.

    The prompt comes first, then the new text as it is drawn. Each byte is drawn by its probability
    after everything before it. Without a prompt, the text begins on a new line.

    The same seed gives the same text on the same machine. Without --seed, one is drawn and reported
    on stderr.

    A prompt from stdin is read to its end and may hold any bytes; a line break at its end is part
    of it. A terminal shows U+FFFD for bytes that are not UTF-8 and for characters that would move
    the cursor; pipes and files get the exact bytes.

    \b
    Examples:
      seqrt generate plays.onnx "ROMEO:" --temperature 0.8 --seed 1
      seqrt generate plays.onnx -n 5000 --top-k 40 -o scene.txt
      printf 'To be, or ' | seqrt generate plays.onnx -n 20 --no-prompt
      seqrt generate plays.onnx "Enter " --json | jq -r .text
    """
    from seqrt.files import check_not_input, check_writable, write_bytes
    from seqrt.runtime.text.writer import check_writes

    out = None if out == _STDOUT else out
    path = model_or_newest(model)
    _check_order(path, prompt)
    if out is not None:
        check_writable(out)
        check_not_input(out, path)
    opened = open_model(path, device, sha256=sha256, unsealed=unsealed)
    check_writes(opened.manifest, "seqrt generate")
    given = _prompt(prompt)
    pieces = opened.generate_iter(given, n, temperature=temperature, top_k=top_k, seed=seed)
    if seed is None and temperature and not as_json:
        say(f"seed: {pieces.seed}")
    shown = b"" if no_prompt else given
    if out is None and not as_json:
        with writing_text() as write:
            write(shown)
            for piece in pieces:
                write(piece)
        return
    text = b"".join(pieces)
    if out is not None:
        write_bytes(out, shown + text)
    if as_json:
        options = {"seed": pieces.seed, "n": n, "temperature": temperature, "top_k": top_k}
        typer.echo(json.dumps(_record(opened, path, out, given, text) | options, indent=2))
    else:
        typer.echo(out)


def _check_order(model: Path, prompt: str | None) -> None:
    """Raise UsageError where the prompt stands in the place of the model."""
    if prompt is None and not model.exists() and model.suffix != ".onnx":
        raise UsageError(
            f"the model must be named before the prompt, but there is no file {str(model)!r}."
            " Use: seqrt generate MODEL PROMPT"
        )


def _prompt(given: str | None) -> bytes:
    """Return the prompt, from stdin where that was asked for or something is piped into it."""
    from seqrt.text.tokenizer import as_bytes

    if given not in (None, _STDIN):
        return as_bytes(given)
    if sys.stdin is None or (given is None and sys.stdin.isatty()):
        return b""
    if sys.stdin.isatty():
        say("Type the prompt. Ctrl-D ends it.")
    return sys.stdin.buffer.read()


def _record(
    model: Model, path: Path, out: Path | None, prompt: bytes, text: bytes
) -> dict[str, Any]:
    """Return the text for programs, in which bytes that are not UTF-8 are U+FFFD."""
    return {
        "path": None if out is None else str(out),
        "prompt": prompt.decode(errors="replace"),
        "text": text.decode(errors="replace"),
        "model": str(path),
        "sha256": model.digest,
    }
