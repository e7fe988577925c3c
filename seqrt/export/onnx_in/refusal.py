"""What is said of an ONNX file that cannot be read, and of a node that cannot be carried over."""

from __future__ import annotations

from seqrt.errors import InputError, UsageError

_AGAIN = "Export the model again from where it was made."


class CannotCarry(Exception):
    """A node does what no model file can; whoever runs the node adds its name."""

    def __init__(self, why: str, instead: str = "") -> None:
        """Keep the reason, and what to do instead."""
        super().__init__(why)
        self.why, self.instead = why, instead


def bad_onnx(what: str, how: str = _AGAIN) -> InputError:
    """Return the error for a file that is damaged or unsafe: `what` is a finished clause."""
    return InputError(f"E_ONNX_FILE: {what}. {how}")


def cannot_import(what: str, why: str, how: str = "") -> UsageError:
    """Return the error for a part of the graph, such as "node 'a' (Loop)", and a way out."""
    return UsageError(f"cannot import {what}: {why}." + (f" {how}" if how else ""))
