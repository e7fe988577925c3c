"""The contenders: seqrt, bare onnxruntime and PyTorch, each used as an expert would.

A contender is created in a process of its own, as part of the cold start, so this file imports
nothing at the top that only one of them needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_BATCH = 64


class Contender:
    """One way to run the network. Shapes: B batch, T time, D features.

    Creating one from a job imports what it needs and opens the model.
    """

    version: str

    def predict(self, x: Any) -> Any:
        """Predict x (B, T, D)."""
        raise NotImplementedError

    def ragged(self, items: Sequence[Any]) -> Any:
        """Predict a list of (T_i, D)."""
        raise NotImplementedError

    def inputs(self, x: Any) -> list[Any]:
        """Return the rows of x (T, D) as `step` takes them."""
        raise NotImplementedError

    def reset(self) -> None:
        """Begin a live sequence."""
        raise NotImplementedError

    def step(self, x: Any) -> Any:
        """Predict one more step of the live sequence."""
        raise NotImplementedError

    def warm(self, call: Callable[[], Any]) -> None:
        """Make `call`, which will be measured, once; choose the best settings for it."""
        call()


class Seqrt(Contender):
    """seqrt as its README shows it."""

    def __init__(self, job: dict[str, Any]) -> None:
        from seqrt import __version__
        from seqrt.runtime import load

        self.version = __version__
        self._model = load(
            job["path"], threads=job["threads"], trust=job["trust"], sha256=job["sha256"]
        )

    def predict(self, x: Any) -> Any:
        """Predict with `Model.predict`."""
        return self._model.predict(x)

    def ragged(self, items: Sequence[Any]) -> Any:
        """Predict with `Model.predict` too."""
        return self._model.predict(items)

    def inputs(self, x: Any) -> list[Any]:
        """Return the rows as they are."""
        return list(x)

    def reset(self) -> None:
        """Begin a stream."""
        self._stream = self._model.stream()

    def step(self, x: Any) -> Any:
        """Predict with `Stream.push`."""
        return self._stream.push(x)


class OnnxRuntime(Contender):
    """The same file in a default onnxruntime session, with the feeds of a step prepared.

    The tensor names are written out, because a bare program would not import seqrt.contract.
    """

    def __init__(self, job: dict[str, Any]) -> None:
        import numpy as np
        import onnxruntime as ort

        options = ort.SessionOptions()
        if job["session_threads"]:
            options.intra_op_num_threads = job["session_threads"]
        self.version = ort.__version__
        self._np = np
        self._state = job["state"]
        self._session = ort.InferenceSession(
            job["path"], options, providers=["CPUExecutionProvider"]
        )

    def predict(self, x: Any) -> Any:
        """Predict in one run."""
        return self._run(x, self._np.full(len(x), x.shape[1], self._np.int32))

    def ragged(self, items: Sequence[Any]) -> Any:
        """Predict in padded batches of 64."""
        return [self._padded(batch) for batch in _batches(items)]

    def inputs(self, x: Any) -> list[Any]:
        """Return each row as (1, 1, D)."""
        return list(x[:, None, None])

    def reset(self) -> None:
        """Begin with a state of zeros."""
        np = self._np
        self._feeds = {"lengths": np.ones(1, np.int32), "state": self._zeros(1)}

    def step(self, x: Any) -> Any:
        """Predict in one run, which also returns the state for the next."""
        self._feeds["x"] = x
        y, self._feeds["state"] = self._session.run(["y", "state_out"], self._feeds)
        return y

    def _padded(self, batch: Sequence[Any]) -> Any:
        np = self._np
        lengths = np.array([len(item) for item in batch], np.int32)
        x = np.zeros((len(batch), int(lengths.max()), batch[0].shape[1]), np.float32)
        for row, item in zip(x, batch, strict=True):
            row[: len(item)] = item
        return self._run(x, lengths)

    def _run(self, x: Any, lengths: Any) -> Any:
        feeds = {"x": x, "lengths": lengths}
        if self._state:
            feeds["state"] = self._zeros(len(x))
        return self._session.run(["y"], feeds)[0]

    def _zeros(self, batch: int) -> Any:
        return self._np.zeros((batch, self._state), self._np.float32)


class Torch(Contender):
    """Layers of the same sizes with random weights, in eager mode, without gradients.

    Single steps run through cells, ragged batches of 64 through packed sequences. Each measurement
    runs on one thread or on all, whichever is faster.
    """

    def __init__(self, job: dict[str, Any]) -> None:
        import torch

        torch.set_grad_enabled(False)
        self.version = torch.__version__
        self._torch = torch
        self._threads = job["threads"]
        self._per_step = job["per_step"]
        self._layers, self._cells = [], []
        width = len(job["middle"])
        for cell, units, bidirectional, nonlinearity in job["layers"]:
            name = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}[cell]
            kind = {"nonlinearity": nonlinearity} if cell == "rnn" else {}
            layer = getattr(torch.nn, name)
            self._layers.append(
                layer(width, units, batch_first=True, bidirectional=bidirectional, **kind).eval()
            )
            self._cells.append(getattr(torch.nn, f"{name}Cell")(width, units, **kind).eval())
            width = units * (2 if bidirectional else 1)
        self._dense = torch.nn.Linear(width, job["outputs"]).eval()
        activations: dict[str, Any] = {
            "none": lambda y: y,
            "softmax": lambda y: y.softmax(-1),
            "sigmoid": torch.sigmoid,
        }
        self._activation = activations[job["activation"]]

    def predict(self, x: Any) -> Any:
        """Predict in one forward pass."""
        x, last = self._through(self._torch.from_numpy(x))
        return self._head(x if self._per_step else last)

    def ragged(self, items: Sequence[Any]) -> Any:
        """Predict in packed batches of 64."""
        return [self._packed(batch) for batch in _batches(items)]

    def inputs(self, x: Any) -> list[Any]:
        """Return each row as a tensor (1, D)."""
        return list(self._torch.from_numpy(x[:, None]))

    def reset(self) -> None:
        """Begin without a state, which the cells read as zeros."""
        self._states: list[Any] = [None] * len(self._cells)

    def step(self, x: Any) -> Any:
        """Predict by one pass through the cells."""
        for i, cell in enumerate(self._cells):
            self._states[i] = cell(x, self._states[i])
            x = _h(self._states[i])
        return self._head(x)

    def warm(self, call: Callable[[], Any]) -> None:
        """Make `call` on one thread and on all, and keep the faster setting."""
        from time import perf_counter

        seconds = {}
        call()
        for threads in {1, self._threads}:
            self._torch.set_num_threads(threads)
            began = perf_counter()
            call()
            seconds[threads] = perf_counter() - began
        self._torch.set_num_threads(min(seconds, key=lambda threads: seconds[threads]))

    def _packed(self, batch: Sequence[Any]) -> Any:
        rnn = self._torch.nn.utils.rnn
        tensors = [self._torch.from_numpy(item) for item in batch]
        x, last = self._through(rnn.pack_sequence(tensors, enforce_sorted=False))
        return self._head(
            rnn.pad_packed_sequence(x, batch_first=True)[0] if self._per_step else last
        )

    def _through(self, x: Any) -> tuple[Any, Any]:
        """Return the last layer's outputs at every step, and its h after the last one (B, H)."""
        for layer in self._layers:
            x, state = layer(x)
        h = _h(state)[-2 if self._layers[-1].bidirectional else -1 :]
        return x, h.transpose(0, 1).flatten(1)

    def _head(self, x: Any) -> Any:
        return self._activation(self._dense(x))


def _batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield a list in batches of 64, in its own order."""
    return (items[i : i + _BATCH] for i in range(0, len(items), _BATCH))


def _h(state: Any) -> Any:
    """Return the h of a layer's state: an LSTM has a c too."""
    return state[0] if isinstance(state, tuple) else state


CONTENDERS: dict[str, Callable[[dict[str, Any]], Contender]] = {
    "seqrt": Seqrt,
    "onnxruntime": OnnxRuntime,
    "torch": Torch,
}
