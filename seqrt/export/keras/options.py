"""Which options of each Keras layer can be carried over, and which values they may have.

An option that is listed nowhere is refused by name, because it may change what the layer computes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from seqrt.export.keras.refusal import cannot_carry
from seqrt.export.untrusted import as_ascii

_LARGEST, _LONGEST = 1 << 20, 1 << 16

# Options that change training, initial weights or speed, but not what a trained layer computes.
_IGNORED_NAMES = """
    name trainable dtype seed batch_input_shape batch_shape input_shape input_length dropout
    recurrent_dropout unit_forget_bias implementation unroll stateful use_cudnn momentum rate
    noise_shape stddev zero_output_for_mask synchronized renorm_clipping renorm_momentum
    virtual_batch_size l1 l2 autocast
"""
_IGNORED = frozenset(_IGNORED_NAMES.split())
_IGNORED_ENDINGS = ("_initializer", "_regularizer", "_constraint")
_PRECISIONS = {"float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16"}


@dataclass(frozen=True)
class Allowed:
    """The values of one option: these, or any of a type. `default` is what an absent one means.

    Types: int is positive, float is finite, and list is a list of finite numbers, one, or none.
    """

    allowed: tuple[Any, ...] | type
    default: Any = None
    required: bool = False

    def fits(self, value: Any) -> bool:
        """Return whether the layer can be carried over with this value."""
        if isinstance(self.allowed, tuple):
            return any(type(value) is type(each) and value == each for each in self.allowed)
        if self.allowed is int:
            return type(value) is int and 0 < value <= _LARGEST
        if self.allowed is list and (value is None or isinstance(value, list)):
            return all(_finite(each) for each in value or ()) and len(value or ()) <= _LONGEST
        return _finite(value)

    def described(self) -> str:
        """Return the allowed values as words."""
        if isinstance(self.allowed, tuple):
            return "must be " + " or ".join(as_ascii(each) for each in self.allowed)
        if self.allowed is int:
            return f"must be a whole number from 1 to {_LARGEST:,}"
        if self.allowed is list:
            return f"must be a number or a list of at most {_LONGEST:,}"
        return "must be a finite number"


def _finite(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


ACTIVATIONS = (
    *("linear", "relu", "relu6", "tanh", "sigmoid", "hard_sigmoid", "softmax", "log_softmax"),
    *("elu", "selu", "softplus", "softsign", "silu", "swish", "gelu", "exponential", "mish"),
)
_YES_NO = (True, False)
_YES = Allowed(_YES_NO, True)
_NO = Allowed(_YES_NO, False)
_NEVER = Allowed((False,), False)
_NOTHING = Allowed((None,), None)
_COUNT = Allowed(int, required=True)
# Keras 2 counts the axis from the front; net.py compares it with the number of axes.
_LAST_AXIS = (-1, 2, 1)
_NUMBERS = Allowed(list, None)
_ACTIVATION = Allowed(ACTIVATIONS, "linear")
_RECURRENT = {
    "units": _COUNT,
    "use_bias": _YES,
    "return_sequences": _NO,
    "go_backwards": _NO,
    "return_state": _NEVER,
    "time_major": _NEVER,
}
_GATED = {
    **_RECURRENT,
    "activation": Allowed(("tanh", "relu", "sigmoid"), required=True),
    "recurrent_activation": Allowed(("sigmoid", "hard_sigmoid"), required=True),
}
_POOL = {"data_format": Allowed(("channels_last", None), None), "keepdims": _NEVER}
_NORM = {"epsilon": Allowed(float, 1e-3), "center": _YES, "scale": _YES}

# Each layer that can be carried over, with the options that it may have.
LAYERS: dict[str, dict[str, Allowed]] = {
    "SimpleRNN": {**_RECURRENT, "activation": Allowed(("tanh", "relu", "linear"), required=True)},
    "LSTM": _GATED,
    "GRU": {**_GATED, "reset_after": _NO},
    "Bidirectional": {"merge_mode": Allowed(("concat", "sum", "mul", "ave"), "concat")},
    "TimeDistributed": {},
    "Dense": {
        "units": _COUNT,
        "activation": _ACTIVATION,
        "use_bias": _YES,
        "lora_rank": _NOTHING,
        "quantization_config": _NOTHING,
    },
    "Embedding": {
        "input_dim": _COUNT,
        "output_dim": _COUNT,
        "mask_zero": _NO,
        "sparse": _NEVER,
        "lora_rank": _NOTHING,
        "quantization_config": _NOTHING,
    },
    "Masking": {"mask_value": Allowed(float, 0.0)},
    "Normalization": {
        "axis": Allowed((-1, 2, 1, None), -1),
        "invert": _NEVER,
        "mean": _NUMBERS,
        "variance": _NUMBERS,
    },
    "LayerNormalization": {
        **_NORM,
        "axis": Allowed(_LAST_AXIS, -1),
        "rms_scaling": _NEVER,
    },
    "BatchNormalization": {
        **_NORM,
        "axis": Allowed(_LAST_AXIS, -1),
        "renorm": _NEVER,
        "fused": Allowed((None, *_YES_NO), None),
    },
    "Conv1D": {
        "filters": _COUNT,
        "kernel_size": Allowed(int, required=True),
        "padding": Allowed(("causal", "same"), "valid"),
        "dilation_rate": Allowed(int, 1),
        "strides": Allowed((1,), 1),
        "groups": Allowed((1,), 1),
        "data_format": Allowed(("channels_last",), "channels_last"),
        "activation": _ACTIVATION,
        "use_bias": _YES,
        "lora_rank": _NOTHING,
        "quantization_config": _NOTHING,
    },
    "Activation": {"activation": Allowed(ACTIVATIONS, required=True)},
    "ReLU": {
        "max_value": _NOTHING,
        "negative_slope": Allowed((0, 0.0), 0.0),
        "threshold": Allowed((0, 0.0), 0.0),
    },
    "Softmax": {"axis": Allowed(_LAST_AXIS, -1)},
    "LeakyReLU": {"negative_slope": Allowed(float, 0.3)},
    "ELU": {"alpha": Allowed(float, 1.0)},
    "GlobalAveragePooling1D": _POOL,
    "GlobalMaxPooling1D": _POOL,
    "RepeatVector": {"n": _COUNT},
    **{
        name: {}
        for name in (
            *("Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "AlphaDropout"),
            "ActivityRegularization",
        )
    },
}
# Former names of options.
_FORMER = {("LeakyReLU", "alpha"): "negative_slope"}


def checked_options(kind: str, place: str, config: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a layer that change what it computes, with defaults filled in.

    `place` names the layer in errors. Raises UsageError for an option that cannot be carried over.
    """
    known = LAYERS[kind]
    _check_precision(place, config.get("dtype"))
    config = {_FORMER.get((kind, name), name): value for name, value in config.items()}
    found: dict[str, Any] = {}
    for name, value in config.items():
        if name in known:
            value = _plain(value)
            if not known[name].fits(value):
                raise cannot_carry(
                    place, f"{name} is {as_ascii(value)}; it {known[name].described()}"
                )
            found[name] = value
        elif name not in _IGNORED and not name.endswith(_IGNORED_ENDINGS):
            raise cannot_carry(place, f"its option {as_ascii(name)} is not known")
    for name, option in known.items():
        if name not in found and (option.required or not option.fits(option.default)):
            raise cannot_carry(place, f"{name} is missing; it {option.described()}")
    return {name: option.default for name, option in known.items()} | found


def _plain(value: Any) -> Any:
    """Return the number in a list of one, as in kernel_size [3]; any other value as it is."""
    single = isinstance(value, list) and len(value) == 1 and type(value[0]) is int
    return value[0] if single else value


def _check_precision(place: str, policy: Any) -> None:
    name = policy
    if isinstance(policy, dict):
        inner = policy.get("config")
        name = inner.get("name") if isinstance(inner, dict) else None
    if name is not None and (not isinstance(name, str) or name not in _PRECISIONS):
        raise cannot_carry(
            place, f"its dtype is {as_ascii(name)}; a file holds float32", "Undo its quantisation."
        )
