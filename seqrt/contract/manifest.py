"""The manifest: what a model file says of itself, as JSON with a versioned schema."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from seqrt.contract.strict_json import decode_as, manifest_error, parse_json
from seqrt.errors import ModelError

Cell = Literal["rnn", "lstm", "gru"]
Task = Literal["forecast", "regress", "classify", "tag"]
Head = Literal["last", "sequence"]
Activation = Literal["none", "softmax", "sigmoid"]
Nonlinearity = Literal["tanh", "relu"]
Inputs = Literal["data", "drawn"]
Missing = Literal["error", "forward", "mean", "indicator"]

NEWEST_FORMAT = 1
LONGEST_TEXT = 1 << 20

# The smallest scale: what is divided by a smaller one leaves float32.
_SMALLEST = 2.0**-126

# Matrices per cell that read the input, and as many that read h: one for each gate.
GATES: Final[dict[Cell, int]] = {"rnn": 1, "gru": 3, "lstm": 4}

# The vectors that a cell carries from step to step.
STATE_PARTS: Final[dict[Cell, str]] = {"rnn": "h", "gru": "h", "lstm": "hc"}


@dataclass(frozen=True)
class Layer:
    """One recurrent layer: its cell, its size per direction, its directions.

    `nonlinearity` is the function of the RNN cell; LSTM and GRU have tanh there by definition.
    """

    cell: Cell
    units: int
    bidirectional: bool = False
    nonlinearity: Nonlinearity = "tanh"

    @property
    def state_size(self) -> int:
        """Numbers of state that one sequence carries from step to step: h, and c for the LSTM."""
        return self.units * len(STATE_PARTS[self.cell])


@dataclass(frozen=True)
class Column:
    """One feature or one output: its name and unit, its scaling, the range that training saw.

    The graph computes `(x - mean) / scale` for a feature and `y * scale + mean` for an output.
    """

    name: str
    unit: str = ""
    mean: float = 0.0
    scale: float = 1.0
    low: float | None = None
    high: float | None = None

    @property
    def typical_range(self) -> tuple[float, float]:
        """The range that training saw; for each end it does not say, two scales from the mean."""
        low = self.mean - 2 * self.scale if self.low is None else self.low
        high = self.mean + 2 * self.scale if self.high is None else self.high
        return low, high


@dataclass(frozen=True)
class Parity:
    """The largest errors against float64 over the cases that export tried.

    In units of each output's own scale (1 where nothing is scaled): `torch` is PyTorch's error in
    float32, `runtime` onnxruntime's, `scale` the furthest that an answer went from its mean.
    `steps` is how long a sequence may be for the error to stay under 1e-5: the longest that was
    tried, but for a network that amplifies what it reads.
    """

    torch: float
    runtime: float
    scale: float
    steps: int


@dataclass(frozen=True)
class Gradient:
    """How much the last answer hangs on the input k steps before it, for some k.

    `norms[i]` is the norm of d y_T / d x_{T-k} at k = `lags[i]`, both in scaled units and y before
    its activation, a mean over sequences. `steps` is the first k from which on it stays under 1 %
    of its largest, None where it has not got there within the last of `lags`.
    """

    lags: tuple[int, ...]
    norms: tuple[float, ...]
    steps: int | None = None


@dataclass(frozen=True)
class Memory:
    """How long a causal network remembers, as export measured it on several sequences.

    From the answer after `steps` steps on, starts from different states agree within `tolerance` in
    units of each output's own scale: in the sequence that took longest; `median` is the one in the
    middle. `more` says that they had not agreed after `steps`, as far as was tried. `inputs` says
    whether the sequences came from data, kept from training if possible, or were drawn from the
    range that training saw.
    """

    steps: int
    median: int
    more: bool
    tolerance: float
    inputs: Inputs
    gradient: Gradient | None = None


@dataclass(frozen=True)
class Manifest:
    """What a model file says of itself.

    `targets` are the columns of a table that the answers were learnt from, where there was one.
    `memory` is None for a network that reads both ways, and in files that do not say.

    `missing` says how the graph reads NaN in x, a value that is missing: "mean" as the feature's
    mean; "indicator" so too, beside one more input a feature that is 1 where it is missing;
    "forward" as the last value of the feature in its sequence, the mean before there was one.
    "error": the graph has no answer to NaN.
    """

    name: str
    producer: str
    task: Task
    head: Head
    activation: Activation
    layers: tuple[Layer, ...]
    features: tuple[Column, ...]
    outputs: tuple[Column, ...]
    classes: tuple[int | str, ...] = ()
    targets: tuple[str, ...] = ()
    window: int | None = None
    horizon: int | None = None
    weights: str = "float32"
    parity: Parity | None = None
    memory: Memory | None = None
    missing: Missing = "error"
    data_sha256: str | None = None
    seed: int | None = None
    format: int = NEWEST_FORMAT

    @property
    def streamable(self) -> bool:
        """Whether the network is causal, so that its state can be carried from call to call."""
        return not any(layer.bidirectional for layer in self.layers)

    @property
    def state_size(self) -> int:
        """S, the width of the state tensor; 0 for a network that cannot stream.

        Every layer's, and behind them the last value of each feature where `missing` is "forward".
        """
        if not self.streamable:
            return 0
        carried = len(self.features) if self.missing == "forward" else 0
        return sum(layer.state_size for layer in self.layers) + carried

    @property
    def takes_missing(self) -> bool:
        """Whether NaN in x stands for a value that is missing, and has an answer."""
        return self.missing != "error"

    @property
    def operations(self) -> int:
        """Multiplications and additions that the recurrent layers take for one step of one row."""
        width, total = len(self.features), 0
        if self.missing == "indicator":
            width *= 2
        for layer in self.layers:
            directions = 2 if layer.bidirectional else 1
            total += 2 * directions * GATES[layer.cell] * layer.units * (width + layer.units)
            width = directions * layer.units
        return total

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces, so that equal manifests are equal bytes."""
        record = {**asdict(self), "streamable": self.streamable, "state_size": self.state_size}
        return json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read a manifest; raise ModelError unless every field is of its kind.

        Keys that this version does not know are ignored, and those with a default may be missing:
        so a format can grow.
        """
        if len(text) > LONGEST_TEXT:
            raise manifest_error(f"must be at most {LONGEST_TEXT} characters, got {len(text)}")
        record = parse_json(text)
        if not isinstance(record, dict):
            raise manifest_error("must be a JSON object")
        _check_format(record)
        manifest: Manifest = decode_as(cls, record, "manifest")
        _check_sense(manifest)
        for derived in ("streamable", "state_size"):
            if record.get(derived, getattr(manifest, derived)) != getattr(manifest, derived):
                raise manifest_error(f"has another {derived} than its layers")
        return manifest


def _check_format(record: dict[str, Any]) -> None:
    version = record.get("format")
    if type(version) is not int or version < 1:
        raise manifest_error(f"format must be a whole number from 1, got {version!r}")
    if version > NEWEST_FORMAT:
        raise ModelError(
            f"E_MODEL_VERSION: this file has format {version!r:.20}, written by"
            f" {record.get('producer', 'a newer seqrt')!a:.60}; this seqrt reads up to"
            f" {NEWEST_FORMAT}."
            " Upgrade with: pip install -U seqrt"
        )


def _check_sense(manifest: Manifest) -> None:
    """Raise ModelError where fields that are each of their kind do not fit together."""
    sizes = [layer.units for layer in manifest.layers]
    if not sizes or min(sizes) < 1:
        raise manifest_error(f"needs layers of at least 1 unit, got units {sizes!r:.60}")
    if any(steps is not None and steps < 1 for steps in (manifest.window, manifest.horizon)):
        raise manifest_error("needs a window and a horizon of at least 1, or none")
    if not all(abs(c.scale) >= _SMALLEST for c in (*manifest.features, *manifest.outputs)):
        raise manifest_error("needs scales that are not zero")
    if not manifest.features or not manifest.outputs:
        raise manifest_error("needs at least one feature and one output")
    if manifest.classes and len(manifest.classes) != len(manifest.outputs):
        raise manifest_error(
            f"needs one output a class, got {len(manifest.outputs)} outputs"
            f" and {len(manifest.classes)} classes"
        )
    gradient = manifest.memory.gradient if manifest.memory else None
    if gradient and (not gradient.lags or len(gradient.lags) != len(gradient.norms)):
        raise manifest_error(
            f"needs a norm of the gradient for each lag, got {len(gradient.lags)} lags"
            f" and {len(gradient.norms)} norms"
        )
