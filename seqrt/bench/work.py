"""The work that every contender does: its amount, and the same inputs for each."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime import Model
    from seqrt.runtime.opening.file import Trust

    Floats = NDArray[np.float32]

# Operations of one bulk call: a few hundredths of a second on two cores.
_BULK = 3_000_000_000
_FEWEST, _MOST, _LONGEST, _SHORTEST = 256, 1024, 100, 10
_SMALL = 20
_LIVE = 256


@dataclass(frozen=True)
class Work:
    """One model, and how much of each kind of work the contenders do with it.

    `ranges` are the lowest and the highest input of each feature. Bulk work is `sequences` of
    `steps` each; ragged lengths have that mean. Each kind of work is repeated for `seconds`.
    `session_threads` is None for onnxruntime's own default. Each turn opens the model again from
    `path` with the same `trust`, and the file must still have that `sha256`.
    """

    path: str
    sha256: str
    trust: Trust
    layers: tuple[tuple[str, int, bool, str], ...]
    ranges: tuple[tuple[float, float], ...]
    outputs: int
    per_step: bool
    activation: str
    state: int
    operations: int
    small: int
    sequences: int
    steps: int
    seconds: float
    threads: int
    session_threads: int | None

    @classmethod
    def of(cls, model: Model, path: str, *, quick: bool, threads: int | None) -> Work:
        """Return the work for `model`; with `quick`, less of each kind."""
        m = model.manifest
        sequences, steps = _sizes(m.operations, _BULK // 10 if quick else _BULK)
        return cls(
            path=path,
            sha256=model.digest,
            trust="sealed" if model.sealed else "unsealed",
            layers=tuple((p.cell, p.units, p.bidirectional, p.nonlinearity) for p in m.layers),
            ranges=tuple(column.typical_range for column in m.features),
            outputs=len(m.outputs),
            per_step=m.head == "sequence",
            activation=m.activation,
            state=m.state_size,
            operations=m.operations,
            small=m.window or _SMALL,
            sequences=sequences,
            steps=steps,
            seconds=0.05 if quick else 0.3,
            threads=model.threads,
            session_threads=threads,
        )

    @classmethod
    def from_job(cls, job: dict[str, Any]) -> Work:
        """Return the work of a job, ignoring its other keys."""
        return cls(**{name: job[name] for name in cls.__dataclass_fields__})

    def job(self, contender: str) -> dict[str, Any]:
        """Return all that a worker process needs, as plain values that `repr` can write."""
        middle = [(low + high) / 2 for low, high in self.ranges]
        return {**asdict(self), "contender": contender, "middle": middle}

    def draw(self, *shape: int) -> Floats:
        """Return inputs (*shape, D) drawn from the training range with a fixed seed."""
        low, high = np.array(self.ranges).T
        noise = np.random.default_rng(0).random((*shape, len(low)))
        drawn: Floats = (low + noise * (high - low)).astype(np.float32)
        return drawn

    def ragged(self) -> list[Floats]:
        """Return sequences of exponential lengths, unsorted."""
        lengths = self.lengths()
        ends = np.cumsum(lengths)
        return np.split(self.draw(int(ends[-1])), ends[:-1])

    def live(self) -> Floats:
        """Return the steps of one live sequence (T, D)."""
        return self.draw(_LIVE)

    def lengths(self) -> NDArray[np.int64]:
        """Return the lengths of the ragged sequences."""
        drawn = np.random.default_rng(1).exponential(self.steps, self.sequences)
        return np.maximum(1, np.rint(drawn)).astype(np.int64)


def _sizes(operations: int, bulk: int) -> tuple[int, int]:
    """Return (sequences, steps); a large network gets fewer sequences, then shorter ones."""
    fitting = bulk // (operations * _LONGEST) // 64 * 64
    sequences = min(_MOST, max(_FEWEST, fitting))
    return sequences, min(_LONGEST, max(_SHORTEST, 3 * bulk // (operations * sequences)))
