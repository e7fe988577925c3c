"""Every error that seqrt raises on purpose, and the exit code of each.

    SeqrtError
    ├── UsageError(ValueError)          2   the call itself is wrong
    ├── InputError(ValueError)          3   data that cannot be used
    ├── ModelError(ValueError)          4   a model file that cannot be used
    ├── DeviceError(RuntimeError)       5   a device that is not there
    ├── MissingExtraError(ImportError)  5   a package that is not installed
    ├── ParityError(ArithmeticError)    6   a file that does not compute what was trained
    ├── CheckError(AssertionError)      6   a model that fails a check of seqrt.testing
    ├── OutputError(OSError)            7   a result that could not be written
    ├── TrainingError(RuntimeError)     8   training that failed
    └── ResourceError(MemoryError)      9   work that does not fit into memory

Each is built from one finished sentence, so that it survives pickling. Where the sentence starts
with a code (`E_INPUT_SHAPE: ...`), the code is stable text that programs may match.
"""

from __future__ import annotations


class SeqrtError(Exception):
    """The root of the tree: catch this to catch all that seqrt raises on purpose."""

    exit_code = 70

    @property
    def code(self) -> str:
        """The stable code at the head of the message, or an empty string."""
        head = str(self).partition(":")[0]
        return head if head.startswith("E_") else ""


class UsageError(SeqrtError, ValueError):
    """The call itself is wrong: an option, a name, a combination."""

    exit_code = 2


class InputError(SeqrtError, ValueError):
    """Data that cannot be used as it is."""

    exit_code = 3


class ModelError(SeqrtError, ValueError):
    """A model file that is missing, damaged, too new, or not ours."""

    exit_code = 4


class DeviceError(SeqrtError, RuntimeError):
    """A device was asked for that this machine does not offer."""

    exit_code = 5


class MissingExtraError(SeqrtError, ImportError):
    """A package is needed that is not installed; the message holds the pip line."""

    exit_code = 5


class ParityError(SeqrtError, ArithmeticError):
    """A model does not compute what was trained, or breaks one of its laws."""

    exit_code = 6


class CheckError(SeqrtError, AssertionError):
    """A model, or what runs it here, fails a check of seqrt.testing."""

    exit_code = 6


class OutputError(SeqrtError, OSError):
    """A result could not be written; what was there before is untouched."""

    exit_code = 7


class TrainingError(SeqrtError, RuntimeError):
    """Training stopped without a usable network."""

    exit_code = 8


class ResourceError(SeqrtError, MemoryError):
    """The work does not fit into memory, even in its smallest pieces."""

    exit_code = 9
