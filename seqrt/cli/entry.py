"""The entry point: runs a command, turns an error into one line on stderr and an exit code.

The exit codes of errors are in seqrt.errors; 70 is a bug in seqrt, 130 and 143 mean interrupted by
Ctrl-C and by SIGTERM.
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

from seqrt.cli.signals import EXIT_CODES, exit_on_signal
from seqrt.cli.talk import say
from seqrt.cli.torchrun import rank
from seqrt.errors import MissingExtraError, OutputError, ResourceError, SeqrtError, UsageError

if TYPE_CHECKING:
    import typer

_BUG = 70
_STDERR = 2
_CANNOT_WRITE = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code; an error becomes one line on stderr."""
    debug, args = _take_debug(list(sys.argv[1:] if args is None else args))
    _open_stderr()
    with exit_on_signal() as received:
        raise SystemExit(_exit_code(args, debug, received))


def _take_debug(args: list[str]) -> tuple[bool, list[str]]:
    """Return whether --debug is anywhere before a `--`, and the other arguments."""
    end = args.index("--") if "--" in args else len(args)
    options = [arg for arg in args[:end] if arg != "--debug"]
    return len(options) < end, options + args[end:]


def _open_stderr() -> None:
    """Point a closed stderr at the null device.

    Otherwise the next file opened would get its number, and messages of libraries would end up in
    that file.
    """
    if sys.stderr is None:
        while (number := os.open(os.devnull, os.O_RDWR)) < _STDERR:
            pass
        sys.stderr = os.fdopen(number, "w")


def _exit_code(args: list[str], debug: bool, received: list[int]) -> int:
    """Run the command, report an error in one line, and return the exit code."""
    try:
        code = _run(args)
    except SystemExit as leave:
        code = _code_of(leave)
    except Exception as error:  # noqa: BLE001 - whatever it is, the user gets one line
        if debug:
            traceback.print_exc()
        if received:
            code = EXIT_CODES[signal.Signals(received[0])]
        else:
            sentence, code = _explain(error)
            _report(f"process {rank()}: {sentence}" if rank() else sentence)
    if code in EXIT_CODES.values() and not rank():
        _report("interrupted.")
    return code


def _run(args: list[str]) -> int:
    """Pass the arguments to typer and return the exit code; every error stays an exception."""
    if sys.stdout is None:
        raise OutputError(
            "E_OUTPUT_STDOUT: stdout must be open, because results are written to it."
            " Redirect it to /dev/null to discard them."
        )
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a file name that is not valid text is written as its original bytes
        sys.stdout.reconfigure(errors="surrogateescape")
    try:
        import typer
    except ImportError:
        raise MissingExtraError(
            "the command line needs typer. Install it with: pip install 'seqrt[cli]'"
        ) from None
    from seqrt.cli.app import app

    try:
        code = app(args, prog_name="seqrt", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        raise UsageError(_usage(error)) from None
    except OSError as error:
        raise _failed_write(error) from None
    return int(code or 0)


def _usage(error: typer.TyperException) -> str:
    """Return one line for a wrong option or argument, with the help that describes it."""
    message = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    message = message if message.endswith((".", "?")) else f"{message}."
    options = {flag for param in context.command.params for flag in param.opts} if context else ()
    if "extra argument" in message and "-m" in options:
        message += " A model is named with -m FILE."
    return f"{message} See: {context.command_path if context else 'seqrt'} --help"


def _failed_write(error: OSError) -> BaseException:
    """Return what to raise for a failed write to stdout; return other errors unchanged."""
    if isinstance(error, SeqrtError) or error.filename or error.errno not in _CANNOT_WRITE:
        return error
    # Python flushes stdout once more when it exits: that must not fail again.
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
    if error.errno == errno.EPIPE:
        return SystemExit(0)
    return OutputError(f"E_OUTPUT_STDOUT: cannot write the result to stdout: {error.strerror}.")


def _code_of(leave: SystemExit) -> int:
    """Return the code of a SystemExit; typer's own, for a pipe whose reader has gone, becomes 0."""
    if isinstance(leave.__context__, BrokenPipeError):
        return 0
    return leave.code if isinstance(leave.code, int) else 0


def _explain(error: Exception) -> tuple[str, int]:
    """Return one sentence and the exit code for an exception."""
    if isinstance(error, ModuleNotFoundError):
        error = _missing_extra(error)
    elif isinstance(error, MemoryError) and not isinstance(error, SeqrtError):
        error = ResourceError(
            "E_MEMORY: the work does not fit into memory. Use fewer or shorter sequences at a time."
        )
    if isinstance(error, SeqrtError):
        return str(error), error.exit_code
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"this is a bug in seqrt: {what}. Add --debug for the traceback, and report it.", _BUG


def _missing_extra(error: ModuleNotFoundError) -> Exception:
    """Return an error with the pip line if an extra installs the package, `error` otherwise."""
    from seqrt.cli.environment import PACKAGES

    for package in PACKAGES:
        if package.module == (error.name or "").partition(".")[0]:
            return MissingExtraError(
                f"{package.purpose} needs {package.name}. Install it with: {package.pip_line}"
            )
    return error


def _report(sentence: str) -> None:
    """Write the last line of the process, if stderr is still open."""
    with contextlib.suppress(OSError):
        say(f"seqrt: {sentence}")
