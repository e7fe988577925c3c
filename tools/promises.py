"""Check the bit-for-bit promises on random LSTM and GRU networks, each run in seven ways.

    python tools/promises.py [--cases 1000] [--steps 1000000] [--seed 0]

Draws unidirectional and bidirectional networks of 1 to 3 layers of 1 to 64 units with either head,
and batches of 1 to 17 ragged rows of 0 to 60 steps with initial states. The outputs and final
states of the batch must equal those of each row alone, cut in chunks, pushed step by step among
other streams, on threads, in a forked child and after pickling. Then each cell pushes `--steps`
single steps, compared with one run of the whole sequence. Exit code 1 if one bit differs.
"""

from __future__ import annotations

import argparse
import os
import pickle  # noqa: TID251 - a Model pickled and unpickled here
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch

from seqrt.export.write import draft
from seqrt.runtime import Model
from seqrt.runtime.live.saved_state import unpack_state
from seqrt.training import Network

CELLS = ("lstm", "gru")


class Case(NamedTuple):
    """A model and its inputs: x (B, T, D), lengths (B,), state (B, S)."""

    model: Model
    x: np.ndarray
    lengths: np.ndarray
    state: np.ndarray

    def row(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a row without padding, and its state, as a batch of one."""
        return self.x[i : i + 1, : self.lengths[i]], self.state[i : i + 1]


Rows = list[bytes]


def random_case(rng: np.random.Generator, cell: str) -> Case:
    """Return a random network with a random batch."""
    net = Network(
        cell,
        int(rng.integers(1, 9)),
        tuple(int(n) for n in rng.integers(1, 65, rng.integers(1, 4))),
        int(rng.integers(1, 5)),
        bidirectional=bool(rng.random() < 0.25),
        head=("last", "sequence")[rng.integers(2)],
    )
    rows, steps = int(rng.integers(1, 18)), int(rng.integers(0, 61))
    x = rng.standard_normal((rows, steps, net.architecture.features)).astype(np.float32)
    state = (rng.random((rows, net.state_size)) * 2 - 1).astype(np.float32)
    return Case(Model(draft(net.eval())), x, rng.integers(0, steps + 1, rows), state)


def batch(q: Case) -> Rows:
    """Return the bytes of each row's outputs and final state, run as one batch."""
    y, state = q.model.run(q.x, q.lengths, q.state)
    if y.ndim == q.x.ndim:
        return [y[i, :n].tobytes() + state[i].tobytes() for i, n in enumerate(q.lengths)]
    return [y[i].tobytes() + state[i].tobytes() for i in range(len(y))]


def alone(q: Case) -> Rows:
    """Run each row by itself."""
    rows = (q.row(i) for i in range(len(q.x)))
    return [b"".join(a[0].tobytes() for a in q.model.run(x, None, s)) for x, s in rows]


def chunked(q: Case, rng: np.random.Generator) -> Rows:
    """Run each row in pieces, carrying the state from one to the next."""
    outputs = []
    for i in range(len(q.x)):
        x, state = q.row(i)
        cuts = np.sort(rng.integers(0, x.shape[1] + 1, rng.integers(1, 6)))
        ys = []
        for piece in np.split(x, cuts, axis=1):
            y, state = q.model.run(piece, None, state)
            ys += [y[0]] if piece.shape[1] else []
        outputs.append(_row(q, ys) + state.tobytes())
    return outputs


def streamed(q: Case) -> Rows:
    """Push each row step by step from the zero state: all in one Streams, each in a Stream."""
    live = q.model.streams()
    ys: list[list[np.ndarray]] = [[] for _ in q.x]
    for step in range(q.x.shape[1]):
        rows = [i for i, n in enumerate(q.lengths) if step < n]
        for i, y in live.push({i: q.x[i, step] for i in rows}).items():
            ys[i].append(y)
    ends = [_state(q.model, live.save(i)) if y else _no_state(q) for i, y in enumerate(ys)]
    by_key = [_row(q, y) + end for y, end in zip(ys, ends, strict=True)]
    for i, want in enumerate(by_key):
        stream = q.model.stream()
        own = [stream.push(step) for step in q.row(i)[0][0]]
        if _row(q, own) + _state(q.model, stream.save()) != want:
            return []
    return by_key


def _row(q: Case, ys: list[np.ndarray]) -> bytes:
    per_step = q.model.manifest.head == "sequence"
    if not ys:
        return b"" if per_step else np.zeros(len(q.model.manifest.outputs), "f4").tobytes()
    return b"".join(y.tobytes() for y in ys) if per_step else ys[-1].tobytes()


def _state(model: Model, saved: bytes) -> bytes:
    return unpack_state(saved, model.digest, model.manifest.state_size)[0].tobytes()


def _no_state(q: Case) -> bytes:
    return q.model.zero_state(1).tobytes()


def threaded(q: Case) -> list[Rows]:
    """Run the batch on four threads at a time."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(batch, [q] * 8))


def forked(q: Case, want: Rows) -> bool:
    """Return whether a forked child gets the same outputs and exits cleanly."""
    child = os.fork()
    if child == 0:
        same = False
        try:
            same = batch(q) == want
        finally:
            os._exit(0 if same else 1)
    return os.waitpid(child, 0)[1] == 0


def pickled(q: Case) -> Rows:
    """Run the batch on an unpickled copy of the model."""
    sent = pickle.loads(pickle.dumps(q.model))  # noqa: S301 - pickled in this line
    return batch(q._replace(model=sent))


def promises(q: Case, rng: np.random.Generator) -> Iterator[tuple[str, bool]]:
    """Yield each promise, and whether it holds."""
    want = batch(q)
    yield "alone", alone(q) == want
    yield "threaded", all(answer == want for answer in threaded(q))
    yield "forked", forked(q, want)
    yield "pickled", pickled(q) == want
    if q.model.manifest.streamable:
        yield "chunked", chunked(q, rng) == want
        from_zero = q._replace(state=np.zeros_like(q.state))
        yield "streamed", streamed(from_zero) == batch(from_zero)


def long_stream(cell: str, steps: int, rng: np.random.Generator) -> bool:
    """Return whether `steps` single steps give the outputs and the state of one run."""
    net = Network(cell, 2, (16, 8), 1, head="sequence").eval()
    model = Model(draft(net))
    x = rng.standard_normal((steps, 2)).astype(np.float32)
    whole, end = model.run(x[None])
    stream = model.stream()
    same = all(stream.push(step) == y for step, y in zip(x, whole[0], strict=True))
    return same and stream.steps == steps and _state(model, stream.save()) == end.tobytes()


def main() -> int:
    """Print how often each promise held; return 1 if one did not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    tried: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for number in range(args.cases):
        for promise, same in promises(random_case(rng, CELLS[number % 2]), rng):
            tried[promise] += 1
            held[promise] += same
    for promise, count in tried.items():
        print(f"batch = {promise:10} {held[promise]:6,} of {count:6,} networks, bit for bit")
    for cell in CELLS:
        promise = f"{args.steps:,} steps of {cell} = the whole"
        tried[promise], held[promise] = 1, long_stream(cell, args.steps, rng)
        print(f"{promise}: {'bit for bit' if held[promise] else 'NO'}")
    return 0 if held == tried else 1


if __name__ == "__main__":
    sys.exit(main())
