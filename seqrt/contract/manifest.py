"""The manifest: the model file's description of itself, as JSON with a versioned schema."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

from seqrt.contract.columns import Column, Input, TimeColumn, check_inputs, check_wide
from seqrt.contract.format2 import NEW_OF_LAYERS, check_format2
from seqrt.contract.measured import Memory, Parity, Rounding
from seqrt.contract.quantiles import check_quantile_outputs
from seqrt.contract.strict_json import decode_as, manifest_error, parse_json
from seqrt.contract.text import Text, check_text
from seqrt.errors import ModelError

Cell = Literal["rnn", "lstm", "gru"]
Task = Literal["forecast", "regress", "classify", "tag", "generate"]
Head = Literal["last", "sequence"]
Activation = Literal["none", "softmax", "sigmoid"]
Nonlinearity = Literal["tanh", "relu"]
Carried = Literal["h", "c", "steps", "sum", "max", "min", "taps", "known"]
Missing = Literal["error", "forward", "mean", "indicator"]
WeightForm = Literal["float32", "fp16", "int8"]

# The version of the file format that chains of layers have, and the newest one, which adds what
# other networks need; README.md specifies both.
FORMAT: Final = 1
NEWEST_FORMAT: Final = 2
# In characters of JSON.
LONGEST_MANIFEST: Final = 1 << 22

# The smallest normal float32. Dividing by a smaller number can overflow.
SMALLEST_DIVISOR: Final = 2.0**-126

# Gates of each cell. Its weight matrices W_ih (G H, D) and W_hh (G H, H) stack one block for each.
GATES: Final[dict[Cell, int]] = {"rnn": 1, "gru": 3, "lstm": 4}

# The vectors that each cell carries from step to step.
STATE_PARTS: Final[dict[Cell, str]] = {"rnn": "h", "gru": "h", "lstm": "hc"}


@dataclass(frozen=True)
class Layer:
    """One recurrent layer: its cell, its units per direction, and whether it is bidirectional.

    `nonlinearity` is that of the RNN cell. LSTM and GRU use sigmoid and tanh, unless `activations`
    names others, in ONNX's order. `reverse` is true of a layer that reads its sequence from the end
    alone. `steps` is 0 for a layer that runs over time; a decoder runs over this fixed number of
    steps. A step continues from the state `dilation` steps before. In a layer of several `groups`
    of as many units each, no group reads the states of another, and each is a node of its own. All
    but the first four are written only where they are set.
    """

    cell: Cell
    units: int
    bidirectional: bool = False
    nonlinearity: Nonlinearity = "tanh"
    reverse: bool = False
    steps: int = 0
    dilation: int = 1
    activations: tuple[str, ...] = ()
    groups: int = 1

    @property
    def nodes(self) -> tuple[Layer, ...]:
        """The layers that the nodes of its groups compute."""
        return (replace(self, units=self.units // self.groups, groups=1),) * self.groups

    @property
    def state_size(self) -> int:
        """Numbers of state per sequence and direction: h, and c for an LSTM, `dilation` times."""
        return self.units * len(STATE_PARTS[self.cell]) * self.dilation


@dataclass(frozen=True)
class Carry:
    """What one piece of the state holds: its kind, and how many numbers.

    h, c        of a layer, with a dilation those of so many steps, oldest first
    steps       the number of steps so far
    sum, max, min       of a value over the steps so far
    taps        the steps that a causal convolution reads beside the current one
    known       the last known value of each feature, for the missing-value policy "forward"
    """

    what: Carried
    size: int


@dataclass(frozen=True)
class OutputHead:
    """One of several outputs of the graph: its name, its columns, its head, its activation."""

    name: str
    outputs: int
    head: Head
    activation: Activation = "none"


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
    on before that of `data_sha256`. `quantiles` are those that a forecast gives for each step and
    target, as quantiles.py orders them. `wide` are the columns of a wide table that are a series
    each: the last of `series` has their names, and the target their values. No output of a forecast
    is below `floor`, if there is one. These seven are written only where they are not empty.

    Format 2 adds the following, written only where they differ from their default. `carries` says
    what the state holds, piece by piece. `least` is the fewest steps that a row may have. `tokens`
    is the number of ids if x is int64 (B, T), and 0 if x holds numbers; `text` says how text
    becomes these ids. `decoders` are the layers over a fixed number of steps, where `layers` are
    those over time. `heads` are the outputs of the graph if there are several; `outputs` then has
    the columns of all of them, and `head` is "sequence" if that of any is. `not_streamable` says
    why the network cannot stream; it is empty for one that can. `weights` is how the matrices are
    stored, and `rounding` how far that moved the outputs.
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
    weights: WeightForm = "float32"
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
    quantiles: tuple[float, ...] = ()
    wide: tuple[str, ...] = ()
    floor: float | None = None
    carries: tuple[Carry, ...] = ()
    least: int = 1
    tokens: int = 0
    decoders: tuple[Layer, ...] = ()
    heads: tuple[OutputHead, ...] = ()
    not_streamable: str = ""
    rounding: Rounding | None = None
    text: Text | None = None

    @property
    def streamable(self) -> bool:
        """Whether the network's state can be carried between calls.

        In format 1 that is so if all layers are unidirectional.
        """
        if self.format > FORMAT:
            return not self.not_streamable
        return not any(layer.bidirectional for layer in self.layers)

    @property
    def state_size(self) -> int:
        """S, the width of the state tensor; 0 for a network that cannot stream.

        The state of every layer, followed for the policy "forward" by the last known value of each
        feature.
        """
        if self.format > FORMAT:
            return sum(piece.size for piece in self.carries)
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
        width, groups, total = self.text.width if self.text else len(self.features), 1, 0
        if self.missing == "indicator":
            width *= 2
        for layer in self.layers:
            directions = 2 if layer.bidirectional else 1
            read = width // layer.groups if groups == layer.groups else width
            read += layer.units // layer.groups
            total += 2 * directions * GATES[layer.cell] * layer.units * read
            width, groups = directions * layer.units, layer.groups
        return total

    def to_json(self) -> str:
        """Return canonical JSON, sorted and without spaces: equal manifests give equal bytes."""
        record = {**asdict(self), "streamable": self.streamable, "state_size": self.state_size}
        for name, default in _OPTIONAL.items():
            if record[name] == default:
                del record[name]
        for layer in (*record["layers"], *record.get("decoders", ())):
            for name, default in NEW_OF_LAYERS.items():
                if layer[name] == default:
                    del layer[name]
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
_OPTIONAL: Final[dict[str, Any]] = {
    **dict.fromkeys(("inputs", "series", "earlier_data", "quantiles", "wide"), ()),
    **dict.fromkeys(("carries", "decoders", "heads"), ()),
    "time": None,
    "floor": None,
    "least": 1,
    "tokens": 0,
    "not_streamable": "",
    "rounding": None,
    "text": None,
}


def _check_format(record: dict[str, Any]) -> None:
    version = record.get("format")
    if type(version) is not int or version < 1:
        raise manifest_error(f"format must be a whole number from 1, got {version!r}")
    if version > NEWEST_FORMAT:
        raise ModelError(
            f"E_MODEL_VERSION: this file has format {version!r:.20}, written by"
            f" {record.get('producer', 'a newer seqrt')!a:.60}; this seqrt reads up to"
            f" {NEWEST_FORMAT}. Upgrade with: pip install -U seqrt"
        )


def _check_consistency(manifest: Manifest) -> None:
    """Raise ModelError if fields that are valid by themselves contradict each other."""
    check_format2(manifest)
    sizes = [layer.units for layer in (*manifest.layers, *manifest.decoders)]
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
    check_quantile_outputs(manifest)
    check_wide(manifest)
    check_text(manifest)
    gradient = manifest.memory.gradient if manifest.memory else None
    if gradient and (not gradient.lags or len(gradient.lags) != len(gradient.norms)):
        raise manifest_error(
            f"needs one gradient norm for each lag, got {len(gradient.lags)} lags"
            f" and {len(gradient.norms)} norms"
        )
