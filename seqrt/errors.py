"""The exceptions that seqrt raises on purpose, and the exit code of the command line for each.

    SeqrtError                          the base class
    ├── UsageError(ValueError)          2   an argument, an option or a combination is wrong
    ├── InputError(ValueError)          3   the data cannot be used
    ├── ModelError(ValueError)          4   the model file cannot be used
    ├── DeviceError(RuntimeError)       5   the device is not available
    ├── MissingExtraError(ImportError)  5   a package is not installed
    ├── ParityError(ArithmeticError)    6   the file does not compute what was trained
    ├── CheckError(AssertionError)      6   the model fails a check of seqrt.testing
    ├── OutputError(OSError)            7   the result could not be written
    ├── TrainingError(RuntimeError)     8   training failed
    └── ResourceError(MemoryError)      9   the work does not fit into memory

The other exit codes are 0 for success, 70 for a bug in seqrt, 130 and 143 for an interruption.

Catch SeqrtError for all of them, one class, or the builtin that it also is. A message says what was
expected, what was given and how to fix it. If it starts with a code (`E_INPUT_SHAPE: ...`), that
code never changes, and programs may match it as `error.code`. Every error can be pickled, so a
worker process can pass it on.
"""

from __future__ import annotations


class SeqrtError(Exception):
    """The base class of every exception that seqrt raises on purpose."""

    exit_code = 70

    @property
    def code(self) -> str:
        """The stable code at the start of the message, or an empty string."""
        head = str(self).partition(":")[0]
        return head if head.startswith("E_") else ""


class UsageError(SeqrtError, ValueError):
    """A wrong argument, option or combination of them."""

    exit_code = 2


class InputError(SeqrtError, ValueError):
    """Data that cannot be used: its file, its type, its shape or its values are wrong."""

    exit_code = 3


class ModelError(SeqrtError, ValueError):
    """A model file that is missing, damaged, too new, or was not written by seqrt."""

    exit_code = 4


class DeviceError(SeqrtError, RuntimeError):
    """A requested device that is not available on this machine."""

    exit_code = 5


class MissingExtraError(SeqrtError, ImportError):
    """A required package that is not installed; the message has the pip command for it."""

    exit_code = 5


class ParityError(SeqrtError, ArithmeticError):
    """A model file that does not compute what was trained, or breaks one of its laws."""

    exit_code = 6


class CheckError(SeqrtError, AssertionError):
    """A model that fails a check of seqrt.testing on this machine."""

    exit_code = 6


class OutputError(SeqrtError, OSError):
    """A result that could not be written; an older file under its name is unchanged."""

    exit_code = 7


class TrainingError(SeqrtError, RuntimeError):
    """Training that did not produce a usable network."""

    exit_code = 8


class ResourceError(SeqrtError, MemoryError):
    """Work that does not fit into memory, even in the smallest parts."""

    exit_code = 9
