"""Strict JSON: every field has its declared type, no key occurs twice, every value is safe to use.

The manifest comes from a file that a stranger may have made. Its text is shown on terminals, so it
must not move the cursor or reverse the direction of writing; its numbers are computed with, so they
must be finite and fit into 64 bits.
"""

from __future__ import annotations

import json
import math
import types
from dataclasses import MISSING, fields, is_dataclass
from functools import lru_cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from unicodedata import bidirectional, category

from seqrt.errors import ModelError

_TYPE_NAMES = {types.NoneType: "null", float: "a finite number"}

# Unicode categories of control characters, lone surrogates, line and paragraph separators.
_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
# Unicode bidirectional classes of characters that change the direction of writing.
_DIRECTIONS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def parse_json(text: str) -> Any:
    """Parse JSON; raise ModelError for a syntax error, a duplicate key or a non-finite number."""
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise manifest_error(f"must be JSON, got an error: {error}") from None


def decode_as(kind: Any, value: Any, where: str) -> Any:
    """Convert parsed JSON to the type `kind`; raise ModelError that names the place, `where`."""
    if is_dataclass(kind):
        return _decode_record(kind, value, where)
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise manifest_error(f"{where} must be a list, got {value!r:.60}")
        item = get_args(kind)[0]
        return tuple(decode_as(item, part, f"{where}[{i}]") for i, part in enumerate(value))
    if get_origin(kind) is Literal:
        if value in get_args(kind):
            return value
        raise manifest_error(
            f"{where} must be one of {', '.join(get_args(kind))}, got {value!r:.60}"
        )
    return _decode_scalar(kind, value, where)


def _decode_scalar(kind: Any, value: Any, where: str) -> Any:
    if type(value) is int and abs(value) >> 64:
        raise manifest_error(f"{where} must fit into 64 bits")
    if type(value) is str and not is_printable(value):
        raise manifest_error(f"{where} must be one line of printable text, got {value!a:.60}")
    options = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    for option in options:
        if is_dataclass(option) and isinstance(value, dict):
            return _decode_record(option, value, where)
        if get_origin(option) is Literal and type(value) is str and value in get_args(option):
            return value
        if option is float:
            if type(value) in (int, float) and math.isfinite(value):
                return float(value)
        elif type(value) is option:
            return value
    names = " or ".join(_name_of(option) for option in options)
    raise manifest_error(f"{where} must be {names}, got {value!r:.60}")


def _name_of(option: Any) -> str:
    if get_origin(option) is Literal:
        return ", ".join(get_args(option))
    return str(_TYPE_NAMES.get(option, option.__name__))


# Evaluating a class's annotations takes longer than the rest of decoding, so it is done once.
_hints = lru_cache(get_type_hints)


def _decode_record(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise manifest_error(f"{where} must be an object, got {value!r:.60}")
    hints = _hints(kind)
    required = {field.name: field.default is MISSING for field in fields(kind)}
    missing = [name for name, needed in required.items() if needed and name not in value]
    if missing:
        raise manifest_error(f"{where} must have {', '.join(missing)}")
    present = required.keys() & value.keys()
    return kind(**{key: decode_as(hints[key], value[key], f"{where}.{key}") for key in present})


def is_printable(text: str) -> bool:
    """Return whether text is safe to print; `isprintable` settles most texts without a loop."""
    return text.isprintable() or not any(
        category(char) in _CATEGORIES or bidirectional(char) in _DIRECTIONS for char in text
    )


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a key occurs twice")
    return record


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a finite number")


def manifest_error(what: str) -> ModelError:
    """Return the error for an invalid manifest: `what` continues "the model's manifest"."""
    return ModelError(f"E_MODEL_MANIFEST: the model's manifest {what}. Export the model again.")
