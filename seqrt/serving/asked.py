"""The body of an inference request, parsed: its tensors, the outputs it asks for, its sequence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from seqrt.serving.refused import malformed
from seqrt.serving.tensors import check_tensor, from_binary, from_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind = TypeVar("Kind")

_LONGEST_ID = 128
_KINDS = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
_UNSUPPORTED = ("classification", "shared_memory_region")


class SequenceTurn(NamedTuple):
    """A request's place in its sequence: the id, and whether it is the first or the last."""

    key: int | str
    start: bool
    end: bool


class Wanted(NamedTuple):
    """An output that a request asks for, and whether as raw bytes."""

    name: str
    binary: bool


class Asked(NamedTuple):
    """A parsed request; `outputs` is None if it leaves the choice to the server."""

    id: str | None
    tensors: dict[str, NDArray[Any]]
    outputs: list[Wanted] | None
    binary: bool
    turn: SequenceTurn | None


def parse(body: bytes, header_length: str | None) -> Asked:
    """Parse a body: JSON, and after `header_length` bytes the raw tensors in the order of the JSON.

    Raises RefusedRequest for a body that does not follow the protocol.
    """
    end = _end_of_json(len(body), header_length)
    record = _record(body[:end])
    parameters = _field(record, "parameters", dict, {})
    binary = _field(parameters, "binary_data_output", bool, False)
    outputs = _outputs(record, binary) if "outputs" in record else None
    return Asked(
        id=_field(record, "id", str, None),
        tensors=_tensors(_field(record, "inputs", list, []), memoryview(body)[end:]),
        outputs=outputs,
        binary=binary,
        turn=_turn(parameters),
    )


def _end_of_json(size: int, header_length: str | None) -> int:
    if header_length is None:
        return size
    # 20 digits, because int() of very many takes long
    digits = header_length.isascii() and header_length.isdigit() and len(header_length) <= 20
    if not digits or int(header_length) > size:
        raise malformed(
            "Inference-Header-Content-Length must be the number of bytes of the JSON, at most the"
            f" {size:,} of the body, got {header_length!r:.60}."
        )
    return int(header_length)


def _record(text: bytes) -> dict[str, Any]:
    try:
        record = json.loads(
            text.decode(), parse_constant=_no_constant, object_pairs_hook=_without_duplicates
        )
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise malformed(
            f"the body must begin with JSON: {reason}. If raw tensors follow it, its length must be"
            " in Inference-Header-Content-Length."
        ) from None
    if not isinstance(record, dict):
        raise malformed("the JSON of a request must be an object with inputs.")
    return record


def _no_constant(name: str) -> None:
    raise ValueError(f"JSON has no {name}; write null for a missing value, or send raw tensors")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return record


def _field(record: dict[str, Any], key: str, kind: type[Kind], default: Any) -> Any:
    value = record.get(key, default)
    if key in record and not isinstance(value, kind):
        raise malformed(f"{key!r} must be {_KINDS[kind]}, got {value!r:.60}.")
    return value


def _tensors(inputs: list[Any], raw: memoryview) -> dict[str, NDArray[Any]]:
    tensors: dict[str, NDArray[Any]] = {}
    at = 0
    for record in inputs:
        name = _name(record, "inputs")
        if name in tensors:
            raise malformed(f"the input {name!r:.60} occurs twice.")
        parameters = _field(record, "parameters", dict, {})
        size = parameters.get("binary_data_size")
        if (size is None) == ("data" not in record):
            raise malformed(
                f"the input {name!r:.60} must have either data or the parameter binary_data_size."
            )
        shape, dtype = check_tensor(name, record.get("shape"), record.get("datatype"))
        if size is None:
            tensors[name] = from_json(name, shape, dtype, record["data"])
            continue
        if type(size) is not int or not 0 <= size <= len(raw) - at:
            raise malformed(
                f"the binary_data_size of {name} must be a whole number of at most the"
                f" {len(raw) - at:,} bytes that are left after the JSON, got {size!r:.60}."
            )
        tensors[name] = from_binary(name, shape, dtype, raw[at : at + size])
        at += size
    if at != len(raw):
        raise malformed(
            f"the body must end with its last raw tensor, but {len(raw) - at:,} bytes follow."
        )
    return tensors


def _name(record: Any, place: str) -> str:
    if not isinstance(record, dict) or not isinstance(record.get("name"), str):
        raise malformed(f"each of {place} must be an object with a name, got {record!r:.60}.")
    return str(record["name"])


def _outputs(record: dict[str, Any], binary: bool) -> list[Wanted]:
    wanted: list[Wanted] = []
    for each in _field(record, "outputs", list, []):
        name = _name(each, "outputs")
        if name in {known.name for known in wanted}:
            raise malformed(f"the output {name!r:.60} occurs twice.")
        parameters = _field(each, "parameters", dict, {})
        for key in _UNSUPPORTED:
            if key in parameters:
                raise malformed(f"the parameter {key} of outputs is not supported. Leave it out.")
        wanted.append(Wanted(name, _field(parameters, "binary_data", bool, binary)))
    return wanted


def _turn(parameters: dict[str, Any]) -> SequenceTurn | None:
    key = parameters.get("sequence_id", 0)
    is_id = type(key) is int and 0 <= key < 1 << 64
    if not is_id and not (type(key) is str and len(key) <= _LONGEST_ID):
        raise malformed(
            "sequence_id must be a whole number from 0 to 2^64 - 1, or text of at most"
            f" {_LONGEST_ID} characters, got {key!r:.60}."
        )
    start = _field(parameters, "sequence_start", bool, False)
    end = _field(parameters, "sequence_end", bool, False)
    if key not in (0, ""):
        return SequenceTurn(key, start, end)
    if start or end:
        raise malformed(
            "sequence_start and sequence_end need a sequence_id other than 0 and empty text."
        )
    return None
