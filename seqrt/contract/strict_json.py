"""Reading JSON strictly: every field of its kind, no key twice, numbers and texts that are sane.

What a file says of itself is shown on terminals and counted with: a text must not move the cursor
or turn the line around, a number must be finite and fit into 64 bits.
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

_NAMES = {types.NoneType: "null", float: "a finite number"}

# Control characters, halves of characters, ends of lines and paragraphs.
_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
# Marks that turn the direction of writing.
_TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def parse_json(text: str) -> Any:
    """Parse JSON; raise ModelError where it is none, or a key stands twice."""
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise manifest_error(f"must be JSON, got an error: {error}") from None


def decode_as(kind: Any, value: Any, where: str) -> Any:
    """Turn parsed JSON into `kind`, or raise ModelError that names the place."""
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
    if type(value) is str and not _plain(value):
        raise manifest_error(f"{where} must be plain text in one line, got {value!a:.60}")
    options = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    for option in options:
        if is_dataclass(option) and isinstance(value, dict):
            return _decode_record(option, value, where)
        if option is float:
            if type(value) in (int, float) and math.isfinite(value):
                return float(value)
        elif type(value) is option:
            return value
    names = " or ".join(_NAMES.get(option, option.__name__) for option in options)
    raise manifest_error(f"{where} must be {names}, got {value!r:.60}")


# Evaluating annotations takes longer than the rest of reading: once a class is enough.
_hints = lru_cache(get_type_hints)


def _decode_record(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise manifest_error(f"{where} must be an object, got {value!r:.60}")
    hints = _hints(kind)
    known = {field.name: field.default is MISSING for field in fields(kind)}
    missing = [name for name, needed in known.items() if needed and name not in value]
    if missing:
        raise manifest_error(f"{where} must have {', '.join(missing)}")
    present = known.keys() & value.keys()
    return kind(**{key: decode_as(hints[key], value[key], f"{where}.{key}") for key in present})


def _plain(text: str) -> bool:
    """Whether a text may be shown as it is; most say so at once."""
    return text.isprintable() or not any(
        category(mark) in _CATEGORIES or bidirectional(mark) in _TURNS for mark in text
    )


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a key stands twice")
    return record


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a finite number")


def manifest_error(what: str) -> ModelError:
    """Return the error for a manifest that is not as it must be."""
    return ModelError(f"E_MODEL_MANIFEST: the model's manifest {what}. Export the model again.")
