"""The manifest: the model file's description of itself, as JSON with a versioned schema."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from seqrt.contract.columns import Input, TimeColumn, check_inputs
from seqrt.contract.strict_json import decode_as, manifest_error, parse_json
from seqrt.errors import ModelError

Cell = Literal["rnn", "lstm", "gru"]
Task = Literal["forecast", "regress", "classify", "tag"]
Head = Literal["last", "sequence"]
Activation = Literal["none", "softmax", "sigmoid"]
Nonlinearity = Literal["tanh", "relu"]
Inputs = Literal["data", "drawn"]
Missing = Literal["error", "forward", "mean", "indicator"]

# The newest version of the file format; README.md specifies it.
FORMAT: Final = 1
# In characters of JSON.
LONGEST_MANIFEST: Final = 1 << 20

# The smallest normal float32. Dividing by a smaller number can overflow.
SMALLEST_DIVISOR: Final = 2.0**-126

# Gates of each cell. Its weight matrices W_ih (G H, D) and W_hh (G H, H) stack one block for each.
GATES: Final[dict[Cell, int]] = {"rnn": 1, "gru": 3, "lstm": 4}

# The vectors that each cell carries from step to step.
STATE_PARTS: Final[dict[Cell, str]] = {"rnn": "h", "gru": "h", "lstm": "hc"}


@dataclass(frozen=True)
class Layer:
    """One recurrent layer: its cell, its units per direction, and whether it is bidirectional.

    `nonlinearity` is that of the RNN cell; LSTM and GRU always use tanh there.
    """

    cell: Cell
    units: int
    bidirectional: bool = False
    nonlinearity: Nonlinearity = "tanh"

    @property
    def state_size(self) -> int:
        """Numbers of state per sequence and direction: h, and c for an LSTM."""
        return self.units * len(STATE_PARTS[self.cell])


@dataclass(frozen=True)
class Column:
    """One feature or one output: its name, its unit, its scaling, and its range in training.

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
        """The range seen in training; without one, two scales on either side of the mean."""
        low = self.mean - 2 * self.scale if self.low is None else self.low
        high = self.mean + 2 * self.scale if self.high is None else self.high
        return low, high


@dataclass(frozen=True)
class Parity:
    """The largest errors against float64 over the cases that export tried.

    In units of each output's own scale (1 for an output without scaling): `torch` is the error of
    PyTorch in float32, `runtime` that of onnxruntime, `scale` the largest distance of an output
    from its mean. `steps` is the sequence length up to which the error stays under 1e-5: the
    longest that was tried, unless the network amplifies its input.
    """

    torch: float
    runtime: float
    scale: float
    steps: int


@dataclass(frozen=True)
class Gradient:
    """How strongly the last output depends on the input k steps before it, for several lags k.

    `norms[i]` is the norm of d y_T / d x_{T-k} at k = `lags[i]`, averaged over sequences, with x
    and y in scaled units and y before its activation. `steps` is the first lag from which the norm
    stays below 1 % of its maximum, or None if it does not within `lags`.
    """

    lags: tuple[int, ...]
    norms: tuple[float, ...]
    steps: int | None = None


@dataclass(frozen=True)
class Memory:
    """How long a unidirectional network remembers, as export measured it on several sequences.

    Run from different initial states, the network gives the same outputs within `tolerance` (in
    units of each output's own scale) after `steps` steps in the slowest sequence, and after
    `median` steps in the median sequence. `more` is true if the outputs still differed after
    `steps`, the longest that was tried. `inputs` is "data" for sequences from the data, held out
    from training if possible, and "drawn" for sequences drawn from the range seen in training.
    """

    steps: int
    median: int
    more: bool
    tolerance: float
    inputs: Inputs
    gradient: Gradient | None = None


@dataclass(frozen=True)
class Manifest:
    """The model file's description of itself.

    `targets` are the columns of the table that the outputs were trained on, if there was a table.
    `memory` is None for a bidirectional network and in files that do not record it.

    `missing` is how the graph reads a NaN in x, which marks a missing value. "mean": as the mean of
    the feature. "indicator": as the mean, and one more input per feature is 1 where the value is
    missing. "forward": as the last known value of the feature in its sequence, or the mean before
    there is one. "error": NaN is not allowed.

    `inputs` is how the columns of a table become the features; if it is empty, each feature is a
    column of numbers of its own name. `series` are the columns that tell several series apart,
    `time` is the time column, and `earlier_data` the digests of data that the network was trained
    on before that of `data_sha256`. These four are written only where they are not empty.
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
    format: int = FORMAT
    inputs: tuple[Input, ...] = ()
    series: tuple[str, ...] = ()
    time: TimeColumn | None = None
    earlier_data: tuple[str, ...] = ()

    @property
    def streamable(self) -> bool:
        """Whether the network is unidirectional, so that its state can be carried between calls."""
        return not any(layer.bidirectional for layer in self.layers)

    @property
    def state_size(self) -> int:
        """S, the width of the state tensor; 0 for a network that cannot stream.

        The state of every layer, followed for the policy "forward" by the last known value of each
        feature.
        """
        if not self.streamable:
            return 0
        carried = len(self.features) if self.missing == "forward" else 0
        return sum(layer.state_size for layer in self.layers) + carried

    @property
    def takes_missing(self) -> bool:
        """Whether the graph reads a NaN in x as a missing value."""
        return self.missing != "error"

    @property
    def operations(self) -> int:
        """Multiplications and additions of the recurrent layers for one step of one sequence."""
        width, total = len(self.features), 0
        if self.missing == "indicator":
            width *= 2
        for layer in self.layers:
            directions = 2 if layer.bidirectional else 1
            total += 2 * directions * GATES[layer.cell] * layer.units * (width + layer.units)
            width = directions * layer.units
        return total

    def to_json(self) -> str:
        """Return canonical JSON, sorted and without spaces: equal manifests give equal bytes."""
        record = {**asdict(self), "streamable": self.streamable, "state_size": self.state_size}
        for name in _OPTIONAL:
            if not record[name]:
                del record[name]
        return json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Parse a manifest; raise ModelError unless every field has its type and they agree.

        Unknown keys are ignored, and a key with a default may be absent, so that the format can
        grow.
        """
        if len(text) > LONGEST_MANIFEST:
            raise manifest_error(f"must be at most {LONGEST_MANIFEST} characters, got {len(text)}")
        record = parse_json(text)
        if not isinstance(record, dict):
            raise manifest_error("must be a JSON object")
        _check_format(record)
        manifest: Manifest = decode_as(cls, record, "manifest")
        _check_consistency(manifest)
        for derived in ("streamable", "state_size"):
            wanted = getattr(manifest, derived)
            if record.get(derived, wanted) != wanted:
                raise manifest_error(
                    f"must have {derived} {wanted} for its layers, got {record[derived]!r:.60}"
                )
        return manifest


# Fields of later versions, which a file that does not use them does not contain.
_OPTIONAL: Final = ("inputs", "series", "time", "earlier_data")


def _check_format(record: dict[str, Any]) -> None:
    version = record.get("format")
    if type(version) is not int or version < 1:
        raise manifest_error(f"format must be a whole number from 1, got {version!r}")
    if version > FORMAT:
        raise ModelError(
            f"E_MODEL_VERSION: this file has format {version!r:.20}, written by"
            f" {record.get('producer', 'a newer seqrt')!a:.60}; this seqrt reads up to"
            f" {FORMAT}. Upgrade with: pip install -U seqrt"
        )


def _check_consistency(manifest: Manifest) -> None:
    """Raise ModelError if fields that are valid by themselves contradict each other."""
    sizes = [layer.units for layer in manifest.layers]
    if not sizes or min(sizes) < 1:
        raise manifest_error(f"needs layers of at least 1 unit, got units {sizes!r:.60}")
    if any(steps is not None and steps < 1 for steps in (manifest.window, manifest.horizon)):
        raise manifest_error("needs a window and a horizon of at least 1, or null")
    if not all(abs(c.scale) >= SMALLEST_DIVISOR for c in (*manifest.features, *manifest.outputs)):
        raise manifest_error("needs scales other than zero")
    if not manifest.features or not manifest.outputs:
        raise manifest_error("needs at least one feature and one output")
    if manifest.classes and len(manifest.classes) != len(manifest.outputs):
        raise manifest_error(
            f"needs one output for each class, got {len(manifest.outputs)} outputs"
            f" and {len(manifest.classes)} classes"
        )
    names = [column.name for column in manifest.features]
    check_inputs(manifest.inputs, names, manifest.horizon, manifest.time)
    gradient = manifest.memory.gradient if manifest.memory else None
    if gradient and (not gradient.lags or len(gradient.lags) != len(gradient.norms)):
        raise manifest_error(
            f"needs one gradient norm for each lag, got {len(gradient.lags)} lags"
            f" and {len(gradient.norms)} norms"
        )
