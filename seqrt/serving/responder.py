"""From the body of an inference request to the body of its response."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from seqrt.contract import LENGTHS, STATE, STATE_OUT, X
from seqrt.errors import InputError
from seqrt.runtime.inputs.arrays import check_shape
from seqrt.runtime.inputs.nonfinite import FIX
from seqrt.serving.asked import Asked, SequenceTurn, Wanted, parse
from seqrt.serving.described import TEXT, VERSION, parts_of, tensors_of
from seqrt.serving.refused import RefusedRequest, malformed
from seqrt.serving.tensors import to_json
from seqrt.serving.texts import ids_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime import Model
    from seqrt.runtime.types import Floats
    from seqrt.serving.limits import ServingLimits
    from seqrt.serving.sequences import LiveSequence, LiveSequences

_BYTES = 4


class Reply(NamedTuple):
    """The body of a response; `json_length` is that of its JSON if raw tensors follow."""

    content: bytes
    json_length: int | None
    steps: int


class Responder:
    """Answers inference requests about one model, from any number of threads."""

    def __init__(
        self, model: Model, name: str, sequences: LiveSequences, limits: ServingLimits
    ) -> None:
        self._model = model
        self._name = name
        self._sequences = sequences
        self._limits = limits
        self._parts = parts_of(model.manifest)
        self._default = list(tensors_of(model.manifest))
        streams = [STATE] if model.manifest.streamable else []
        features = () if model.manifest.tokens else (len(model.manifest.features),)
        self._axes = ("batch", "time", *features)
        texts = [TEXT] if model.manifest.text else []
        self._inputs = [X, *texts, LENGTHS, *streams]

    def respond(self, body: bytes, header_length: str | None) -> Reply:
        """Return the response to a request.

        Raises RefusedRequest and InputError for a request that does not fit; its sequence is then
        unchanged.
        """
        asked = parse(body, header_length)
        wanted = asked.outputs
        if wanted is None:
            wanted = [Wanted(name, asked.binary) for name in self._default]
        x, lengths, state = self._given(asked)
        self._check_outputs(wanted, x)
        try:
            if asked.turn is None:
                return self._reply(asked, wanted, self._run(x, lengths, state), int(lengths.sum()))
            return self._next(asked, asked.turn, wanted, (x, lengths, state))
        except InputError as error:
            raise InputError(str(error).replace(FIX, "Fill or drop them.")) from None

    def _next(
        self,
        asked: Asked,
        turn: SequenceTurn,
        wanted: list[Wanted],
        given: tuple[NDArray[Any], NDArray[Any], Floats | None],
    ) -> Reply:
        """Advance a sequence, and return the response to the request that did."""
        x, lengths, state = given
        self._check_turn(turn, x, state)
        with self._sequences.taking(turn) as live:
            outputs = self._run(x, lengths, live.state if state is None else state)
            steps = int(lengths.sum())
            live.steps += steps
            reply = self._reply(asked, wanted, outputs, steps, live)
            live.state = outputs[STATE_OUT]
        return reply

    def _given(self, asked: Asked) -> tuple[NDArray[Any], NDArray[Any], Floats | None]:
        tensors = asked.tensors
        for name in tensors:
            if name not in self._inputs:
                raise malformed(
                    f"the inputs of this model are {', '.join(self._inputs)}, got {name!r:.60}."
                )
        if TEXT in tensors:
            return *ids_in(self._model, asked), tensors.get(STATE)
        if X not in tensors:
            either = f"{TEXT} or {X}" if TEXT in self._inputs else X
            raise malformed(f"a request must have the input {either}.")
        x = tensors[X]
        if x.ndim != len(self._axes):
            check_shape(X, x, self._axes)
        rows, steps = x.shape[:2]
        lengths = tensors.get(LENGTHS)
        if lengths is None:
            lengths = np.full(rows, steps, np.int32)
        elif lengths.shape == (rows, 1):
            lengths = lengths[:, 0]  # as Triton has it
        return x, lengths, tensors.get(STATE)

    def _check_outputs(self, wanted: list[Wanted], x: NDArray[Any]) -> None:
        """Raise RefusedRequest for an unknown output, and for a response that is too large."""
        size = 0
        for name, _ in wanted:
            if name not in self._parts:
                known = ", ".join([*self._parts][:8])
                raise malformed(f"there is no output {name!r:.60}. Ask for one of: {known}.")
            part = self._parts[name]
            steps = x.shape[1] if part.per_step else 1
            size += len(x) * steps * part.width * _BYTES
        if size > self._limits.body:
            raise RefusedRequest(
                413,
                f"E_REQUEST_SIZE: the outputs of a response may have {self._limits.body:,} bytes,"
                f" but these would have {size:,}. Ask for fewer rows or steps at a time, or for"
                " fewer columns.",
            )

    def _check_turn(self, turn: SequenceTurn, x: NDArray[Any], state: Floats | None) -> None:
        if len(x) != 1:
            raise malformed(
                f"a request of a sequence must have one row, got {len(x)}. Give each sequence an id"
                " and a request of its own."
            )
        if state is not None and not turn.start:
            raise malformed(
                "a sequence that is live has its own state. Leave out state, or start the sequence"
                " from it with sequence_start."
            )
        if not self._model.manifest.streamable:
            self._model.stream()  # raises ModelError, which says why it cannot

    def _run(self, x: NDArray[Any], lengths: NDArray[Any], state: Floats | None) -> dict[str, Any]:
        y, state_out = self._model.run(x, lengths, state)
        outputs = dict(y) if isinstance(y, dict) else {self._default[0]: y}
        return {**outputs, STATE_OUT: state_out}

    def _reply(
        self,
        asked: Asked,
        wanted: list[Wanted],
        outputs: dict[str, Floats],
        steps: int,
        live: LiveSequence | None = None,
    ) -> Reply:
        records: list[dict[str, Any]] = []
        raw: list[bytes] = []
        for name, binary in wanted:
            part = self._parts[name]
            array = outputs[part.tensor]
            if part.column is not None:
                array = array[..., part.column]
            record = {"name": name, "datatype": "FP32", "shape": list(array.shape)}
            if binary:
                raw.append(np.ascontiguousarray(array, "<f4").tobytes())
                records.append(record | {"parameters": {"binary_data_size": len(raw[-1])}})
            else:
                records.append(record | {"data": to_json(array)})
        answer: dict[str, Any] = {
            "model_name": self._name,
            "model_version": VERSION,
            "outputs": records,
        }
        if asked.id is not None:
            answer["id"] = asked.id
        if asked.turn and live:
            answer["parameters"] = {"sequence_id": asked.turn.key, "sequence_steps": live.steps}
        text = json.dumps(answer, allow_nan=False).encode()
        return Reply(b"".join([text, *raw]), len(text) if raw else None, steps)
