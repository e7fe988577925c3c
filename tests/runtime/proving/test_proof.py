"""A file proves itself, and a file that computes something else does not."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest

import seqrt
from seqrt.contract import seal
from seqrt.contract.seal import SEAL_SIZE
from seqrt.runtime.proving.proof import decode, encode

NETS = Path(__file__).parents[1] / "nets"


def _array(values: np.ndarray) -> dict[str, object]:
    data = base64.b64encode(values.tobytes()).decode()
    return {"data": data, "dtype": values.dtype.str, "shape": list(values.shape)}


def test_every_net_proves_itself_here(model):
    report = model.validate()

    assert report.ok, report
    assert len(report.proof) >= 3
    assert report.error <= 2e-6
    assert len(report.laws) >= (9 if model.manifest.streamable else 5)


def test_every_law_holds_bit_for_bit(model):
    report = model.validate()

    assert report.exact, report


def test_a_report_is_a_line_for_each_check(lstm):
    report = lstm.validate()

    lines = str(report).splitlines()

    assert len(lines) == len(report.checks)
    assert lines == [str(check) for check in report.proof + report.laws]
    report.raise_if_failed()


@pytest.mark.parametrize("change", [0.001, -0.001])
def test_slightly_changed_weights_fail_the_proof(model, request, change):
    body = bytearray(_sealed_body(request.node.callspec.params["model"]))
    at = _place_of_weights(bytes(body))
    weights = np.frombuffer(body, "<f4", count=6 * 6, offset=at) + np.float32(change)
    body[at : at + weights.nbytes] = weights.tobytes()

    changed = seqrt.Model(seal(bytes(body)))

    report = changed.validate()
    assert not report.ok
    with pytest.raises(
        seqrt.ParityError, match=r"E_PARITY: the model does not compute what was trained"
    ):
        report.raise_if_failed()


def test_a_proof_survives_being_written_and_read(model):
    cases = decode(model.proof, model.manifest)

    assert encode(cases) == model.proof
    assert {case.x.shape[1] for case in cases} >= {1, 17}


def test_the_proof_shows_nothing_of_zeros(model):
    for case in decode(model.proof, model.manifest):
        assert np.abs(case.x).min() > 0


@pytest.mark.parametrize("text", ["", "[{}]", "[1]", "null", "[]", "{}", '[{"x":{"shape":[1]}}]'])
def test_a_proof_that_is_none_is_refused(lstm, text):
    with pytest.raises(seqrt.ModelError, match="E_MODEL_PROOF"):
        decode(text, lstm.manifest)


def test_a_proof_about_another_network_is_refused(lstm, tagger):
    with pytest.raises(seqrt.ModelError, match=r"E_MODEL_PROOF: .* must have shape"):
        decode(tagger.proof, lstm.manifest)


@pytest.mark.parametrize(
    "changes",
    [
        {"torch_error": 10**400},
        {"lengths": _array(np.int32([0]))},
        {"lengths": _array(np.int32([2]))},
        {"x": _array(np.zeros((1, 20_000, 2), np.float32))},
        {"x": _array(np.zeros((1, 1, 2), np.float64))},
        {"x": {"data": "", "dtype": "<f4", "shape": [0, 1, 2]}},
        {"x": {"data": "", "dtype": "<f4", "shape": [1 << 70, 0]}},
        {"x": {"data": "", "dtype": "<f4", "shape": "all"}},
    ],
)
def test_a_case_that_cannot_be_put_to_the_model_is_refused(lstm, changes):
    first = json.loads(lstm.proof)[0]

    with pytest.raises(seqrt.ModelError, match="E_MODEL_PROOF"):
        decode(json.dumps([{**first, **changes}]), lstm.manifest)
    with pytest.raises(seqrt.ModelError, match=r"E_MODEL_PROOF: .*17 cases"):
        decode(json.dumps([first] * 17), lstm.manifest)


def test_there_is_a_net_of_every_kind():
    assert len(list(NETS.glob("*.onnx"))) == 19


def _sealed_body(name: str) -> bytes:
    return (NETS / f"{name}.onnx").read_bytes()[:-SEAL_SIZE]


def _place_of_weights(body: bytes) -> int:
    """Return where the raw data of layer0_R starts: right after the name in its tensor."""
    name = body.index(b"layer0_R", body.index(b"layer0_R") + 1)
    # TensorProto: name is field 8 (0x42), raw_data field 9 (0x4a): tag, length, then the numbers.
    at = name + len(b"layer0_R")
    assert body[at] == 0x4A
    at += 1
    while body[at] & 0x80:
        at += 1
    return at + 1
