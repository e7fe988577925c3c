"""What is said of a Keras file that cannot be read, and of a layer that cannot be carried over."""

from __future__ import annotations

from seqrt.errors import InputError, UsageError


def bad_file(what: str, how: str = "Save the model again with model.save().") -> InputError:
    """Return the error for a file that is damaged or unsafe: `what` is a finished clause."""
    return InputError(f"E_KERAS_FILE: {what}. {how}")


def cannot_carry(layer: str, what: str, how: str = "") -> UsageError:
    """Return the error for a layer, such as "LSTM 'lstm_1'", that a model file cannot express."""
    return UsageError(f"cannot import {layer}: {what}." + (f" {how}" if how else ""))
