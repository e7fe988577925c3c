"""The command line: words in, one library call, one line where something is wrong.

stdout carries results only and everything else goes to stderr. The exit codes of errors are in
seqrt.errors; 70 is a bug of ours, 130 and 143 mean interrupted by Ctrl-C and by SIGTERM.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from seqrt.cli.signals import EXIT_CODES, unwinding
from seqrt.cli.torchrun import others
from seqrt.errors import MissingExtraError, OutputError, ResourceError, SeqrtError, UsageError

if TYPE_CHECKING:
    import typer

__all__ = ["main"]

_BUG = 70
_STDERR = 2
_CANNOT_WRITE = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code; errors become one line on stderr."""
    words = list(sys.argv[1:] if args is None else args)
    debug, words = _take_debug(words)
    _open_stderr()
    with unwinding() as heard:
        raise SystemExit(_outcome(words, debug, heard))


def _open_stderr() -> None:
    """Where stderr is closed, have it lead nowhere.

    A file that is opened later would take its number, and what a library says would go into it.
    """
    if sys.stderr is None:
        while (number := os.open(os.devnull, os.O_RDWR)) < _STDERR:
            pass
        sys.stderr = os.fdopen(number, "w")


def _take_debug(words: list[str]) -> tuple[bool, list[str]]:
    """Return whether --debug stands anywhere before a `--`, and the other words."""
    end = words.index("--") if "--" in words else len(words)
    options = [word for word in words[:end] if word != "--debug"]
    return len(options) < end, options + words[end:]


def _outcome(words: list[str], debug: bool, heard: list[int]) -> int:
    """Run the command; say in one line what went wrong, and return the exit code."""
    try:
        code = _run(words)
    except SystemExit as leave:
        code = _code_of(leave)
    except Exception as error:  # noqa: BLE001 - whatever it is, the user gets one line
        if debug:
            traceback.print_exc()
        if heard:
            code = EXIT_CODES[signal.Signals(heard[0])]
        else:
            sentence, code = _explain(error)
            _say(f"process {others()}: {sentence}" if others() else sentence)
    if code in EXIT_CODES.values() and not others():
        _say("interrupted.")
    return code


def _run(words: list[str]) -> int:
    """Hand the words to typer; return the exit code, with every error still an exception."""
    if sys.stdout is None:
        raise OutputError(
            "E_OUTPUT_STDOUT: stdout must be open: results go there."
            " Send them to /dev/null where nobody reads them."
        )
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a file may have a name that is no text: it is written as the bytes that it is
        sys.stdout.reconfigure(errors="surrogateescape")
    try:
        import typer
    except ImportError:
        raise MissingExtraError(
            "the command line needs typer. Install it with: pip install 'seqrt[cli]'"
        ) from None
    from seqrt.cli.app import app

    try:
        code = app(words, prog_name="seqrt", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        raise UsageError(_usage(error)) from None
    except OSError as error:
        raise _about_stdout(error) from None
    return int(code or 0)


def _usage(error: typer.TyperException) -> str:
    """One line for a wrong option or argument, with the help that describes it."""
    message = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    message = message if message.endswith((".", "?")) else f"{message}."
    return f"{message} See: {context.command_path if context else 'seqrt'} --help"


def _about_stdout(error: OSError) -> BaseException:
    """What a failed write to stdout means; an error with the name of a file is about that file."""
    if isinstance(error, SeqrtError) or error.filename or error.errno not in _CANNOT_WRITE:
        return error
    # Python flushes stdout once more on its way out: let it find a place to write to.
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
    if error.errno == errno.EPIPE:
        return SystemExit(0)
    return OutputError(
        f"E_OUTPUT_STDOUT: the result must be written to stdout, and was not: {error.strerror}."
    )


def _code_of(leave: SystemExit) -> int:
    """The exit code of a SystemExit; typer's own, for a pipe whose reader has left, becomes 0."""
    if isinstance(leave.__context__, BrokenPipeError):
        return 0
    return leave.code if isinstance(leave.code, int) else 0


def _explain(error: Exception) -> tuple[str, int]:
    """One sentence and the exit code for an exception."""
    if isinstance(error, ModuleNotFoundError):
        error = _missing_extra(error)
    elif isinstance(error, MemoryError) and not isinstance(error, SeqrtError):
        error = ResourceError(
            "E_MEMORY: the work must fit into memory, and did not."
            " Give fewer or shorter sequences at a time."
        )
    if isinstance(error, SeqrtError):
        return str(error), error.exit_code
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"this is a bug of ours, sorry: {what}. Add --debug to see where, and report it.", _BUG


def _missing_extra(error: ModuleNotFoundError) -> Exception:
    """The pip line for a package of an extra that is not installed; any other error as it is."""
    from seqrt.cli.packages import PACKAGES

    for package in PACKAGES:
        if package.module == (error.name or "").partition(".")[0]:
            return MissingExtraError(
                f"{package.purpose} needs {package.name}. Install it with: {package.pip_line}"
            )
    return error


def _say(sentence: str) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.write(f"seqrt: {sentence}\n")
        sys.stderr.flush()
