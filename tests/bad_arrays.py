"""Bad inputs in Python: what may be passed to a model by mistake, and the error it must raise.

A case is a call that must raise, with the class of the error and the start of its message. All are
for unidirectional models of two features with the `last` head, such as those in tests/runtime/nets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from seqrt import InputError, Model, SeqrtError, UsageError

Put = Callable[[Model, Any], Any]


class BadArray(NamedTuple):
    """A call that must raise `error` with a message that starts with `head`, or one of several."""

    name: str
    call: Callable[[Model], Any]
    error: type[SeqrtError] | tuple[type[SeqrtError], ...]
    head: str | tuple[str, ...]


def fine(*shape: int) -> Any:
    """Return a valid array."""
    return np.linspace(0, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)


# The calls that take an array (3, 5, 2).
ENTRIES: dict[str, Put] = {
    "predict": lambda model, x: model.predict(x),
    "run": lambda model, x: model.run(x),
    "predict_iter": lambda model, x: list(model.predict_iter([fine(1, 2, 2), x])),
}
# The calls that take a chunk (5, 2).
CHUNK_ENTRIES: dict[str, Put] = {
    "an item": lambda model, x: model.predict([fine(4, 2), x]),
    "push": lambda model, x: model.stream().push(x),
    "push to a key": lambda model, x: model.streams().push({"a": fine(4, 2), "b": x}),
    "an item of predict_iter": lambda model, x: list(model.predict_iter([[fine(4, 2), x]])),
}
DTYPES = ["c8", "c16", "U3", "S3", "O", "M8[s]", "m8[s]", "V4", [("a", "f4")]]
NO_ARRAYS = [None, "x", 3.0, {"x": 1}, object(), b"12", {1, 2}, range(3), iter([1.0]), len]
SHAPES = [(), (2,), (3,), (5, 10), (5, 10, 1), (5, 10, 3), (5, 2, 10), (1, 2, 3, 2), (0,), (2, 2)]


def cases() -> Iterator[BadArray]:
    """Yield every case."""
    yield from _of_entries()
    yield from _of_chunks()
    yield from _of_lengths()
    yield from _of_states()
    yield from _of_saved()
    yield from _of_options()


def _of_entries() -> Iterator[BadArray]:
    for (entry, put), shape in product(ENTRIES.items(), SHAPES):
        yield _case(f"{entry}: shape {shape}", put, fine(*shape), "E_INPUT_SHAPE")
    for (entry, put), (name, x, head) in product(ENTRIES.items(), _values((3, 5, 2))):
        yield _case(f"{entry}: {name}", put, x, head)
    for (entry, put), value in product(ENTRIES.items(), NO_ARRAYS):
        yield _case(f"{entry}: {type(value).__name__}", put, value, "E_INPUT_TYPE")


def _of_chunks() -> Iterator[BadArray]:
    for (entry, put), shape in product(
        CHUNK_ENTRIES.items(), [(), (3,), (5, 3), (5, 1), (1, 5, 2), (0,)]
    ):
        yield _case(f"{entry}: shape {shape}", put, fine(*shape), "E_INPUT_SHAPE")
    for (entry, put), (name, x, head) in product(CHUNK_ENTRIES.items(), _values((5, 2))):
        yield _case(f"{entry}: {name}", put, x, head)
    odd = [*NO_ARRAYS, [[1, 2], [3]], [[1, 2], [None, 3]], [["a", "b"]]]
    for (entry, put), value in product(CHUNK_ENTRIES.items(), odd):
        yield _case(f"{entry}: {value!r:.20}", put, value, ("E_INPUT_TYPE", "E_INPUT_DTYPE"))


def _values(shape: tuple[int, ...]) -> Iterator[tuple[str, Any, str]]:
    """Yield arrays of the right shape with wrong content, and the code of the error."""
    for dtype in DTYPES:
        yield f"dtype {dtype}", np.zeros(shape, dtype), "E_INPUT_DTYPE"
    for value, kind in product((np.nan, np.inf, -np.inf), ("f4", "f8", ">f4", "f2")):
        yield f"{value} {kind}", _with(value, shape, kind), "E_INPUT_NONFINITE"
    yield "inf in columns", np.asfortranarray(_with(np.inf, shape, "f4")), "E_INPUT_NONFINITE"
    for value, kind in ((1e300, "f8"), (-1e39, "f8"), (2**24 + 1, "i8"), (2**64 - 1, "u8")):
        yield f"{value} {kind}", _with(value, shape, kind), "E_INPUT_RANGE"
    yield "masked", np.ma.masked_array(fine(*shape), mask=fine(*shape) > 0.5), "E_INPUT_TYPE"


def _with(value: Any, shape: tuple[int, ...], kind: str) -> Any:
    x = np.zeros(shape, kind)
    x[(-1,) * len(shape)] = value
    return x


def _of_lengths() -> Iterator[BadArray]:
    odd: list[tuple[str, Any]] = [
        ("negative", [5, -1, 5]),
        ("too long", [5, 6, 5]),
        ("huge", [5, 2**40, 5]),
        ("too large for any", np.array([5, 2**64 - 1, 5], np.uint64)),
        ("too few", [5, 5]),
        ("none", []),
        ("of two axes", [[5, 5, 5]]),
        ("ragged", [[5], [5, 5], 5]),
        ("one number", 5),
        ("fractions", [5.0, 5.0, 5.0]),
        ("NaN", [5, np.nan, 5]),
        ("truth", [True, True, True]),
        ("text", ["5", "5", "5"]),
        ("a word", "five"),
        ("nothing inside", [5, None, 5]),
        ("an object", object()),
        ("dates", np.zeros(3, "M8[s]")),
        ("masked", np.ma.masked_array([5, 5, 5], mask=[0, 1, 0])),
    ]
    heads = ("E_INPUT_LENGTHS", "E_INPUT_SHAPE", "E_INPUT_TYPE")
    for name, lengths in odd:
        for entry in ("predict", "run"):
            yield BadArray(
                f"{entry}: lengths {name}",
                lambda model, entry=entry, n=lengths: getattr(model, entry)(fine(3, 5, 2), n),
                InputError,
                heads,
            )
    yield BadArray(
        "lengths beside a list", lambda model: model.predict([fine(5, 2)], [5]), InputError, heads
    )
    yield BadArray(
        "a tuple of three in predict_iter",
        lambda model: list(model.predict_iter([(fine(1, 5, 2), [5], 3)])),
        InputError,
        "E_INPUT_TYPE",
    )


def _of_states() -> Iterator[BadArray]:
    odd: list[tuple[str, Callable[[int], Any]]] = [
        ("of another width", lambda size: np.zeros((3, size + 1), "f4")),
        ("of other rows", lambda size: np.zeros((2, size), "f4")),
        ("of one row alone", lambda size: np.zeros(size, "f4")),
        ("turned round", lambda size: np.zeros((size, 3), "f4")),
        ("of three axes", lambda size: np.zeros((1, 3, size), "f4")),
        ("of NaN", lambda size: np.full((3, size), np.nan)),
        ("of Inf", lambda size: np.full((3, size), -np.inf)),
        ("too large", lambda size: np.full((3, size), 1e300)),
        ("of text", lambda size: np.full((3, size), "0")),
        ("of objects", lambda size: np.full((3, size), None)),
        ("complex", lambda size: np.zeros((3, size), "c8")),
        ("a word", lambda _: "zeros"),
        ("a pair", lambda size: (np.zeros((3, size)), np.zeros(2))),
    ]
    for name, make in odd:
        yield BadArray(
            f"state {name}",
            lambda model, make=make: model.run(
                fine(3, 5, 2), None, make(model.manifest.state_size)
            ),
            InputError,
            ("E_INPUT_", "E_STATE"),
        )


def _of_saved() -> Iterator[BadArray]:
    odd: list[tuple[str, Callable[[bytes], Any]]] = [
        ("empty", lambda _: b""),
        ("noise", lambda _: bytes(range(256))),
        ("cut short", lambda saved: saved[:-1]),
        ("too long", lambda saved: saved + b"0"),
        ("the head alone", lambda saved: saved[:8]),
        ("text", lambda saved: saved.hex()),
        ("a number", lambda _: 7),
    ]
    for name, spoil in odd:
        yield BadArray(
            f"stream from saved {name}",
            lambda model, spoil=spoil: model.stream(spoil(model.stream().save())),
            InputError,
            "E_STATE",
        )
        yield BadArray(
            f"streams from saved {name}",
            lambda model, spoil=spoil: model.streams(spoil(model.streams().snapshot())),
            InputError,
            "E_STATE",
        )


def _of_options() -> Iterator[BadArray]:
    for entry in ("predict", "run"):
        yield BadArray(
            f"{entry}: nonfinite ignored",
            lambda model, entry=entry: getattr(model, entry)(fine(3, 5, 2), nonfinite="ignore"),
            UsageError,
            "nonfinite must be",
        )
    for name, call in {
        "a key that is not there": lambda model: model.streams().leave("b"),
        "seconds below zero": lambda model: model.streams().expire(-1),
        "seconds of NaN": lambda model: model.streams().expire(float("nan")),
    }.items():
        yield BadArray(name, call, UsageError, ("E_STREAM_KEY", "seconds must be"))
    for value in (None, [fine(5, 2)], fine(5, 2), "a"):
        yield BadArray(
            f"streams pushed {type(value).__name__}",
            lambda model, value=value: model.streams().push(value),
            InputError,
            "E_INPUT_TYPE",
        )
    for value in (None, 3, 2.5):
        yield BadArray(
            f"predict_iter of {value}",
            lambda model, value=value: list(model.predict_iter(value)),
            InputError,
            "E_INPUT_TYPE",
        )


def _case(name: str, put: Put, x: Any, head: str | tuple[str, ...]) -> BadArray:
    return BadArray(name, lambda model: put(model, x), InputError, head)
