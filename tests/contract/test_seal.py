"""A sealed file is valid ONNX, and the seal detects any damage."""

from __future__ import annotations

import hashlib

import onnx
import pytest
from onnx import TensorProto, helper

from seqrt.contract.seal import SEAL_SIZE, digests, seal, seal_error


@pytest.fixture
def plain() -> bytes:
    value = helper.make_tensor_value_info("v", TensorProto.FLOAT, ["n"])
    other = helper.make_tensor_value_info("w", TensorProto.FLOAT, ["n"])
    graph = helper.make_graph([helper.make_node("Identity", ["v"], ["w"])], "g", [value], [other])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"seqrt.manifest": "{}", "note": "ä"})
    return model.SerializeToString()


def test_a_sealed_file_is_still_onnx_with_one_more_record(plain):
    sealed = seal(plain)

    model = onnx.load_from_string(sealed)
    onnx.checker.check_model(model, full_check=True)
    records = {prop.key: prop.value for prop in model.metadata_props}
    assert model.metadata_props[-1].key == "seqrt.seal"
    assert records.pop("seqrt.seal") == hashlib.sha256(plain).hexdigest()
    assert records == {"seqrt.manifest": "{}", "note": "ä"}
    assert len(sealed) == len(plain) + SEAL_SIZE


def test_the_digest_is_that_of_the_whole_file(plain):
    sealed = seal(plain)

    assert digests(sealed) == (hashlib.sha256(sealed).hexdigest(), True)
    assert digests(plain) == (hashlib.sha256(plain).hexdigest(), False)
    assert digests(b"") == (hashlib.sha256(b"").hexdigest(), False)


def test_every_bit_flip_and_every_truncation_is_seen(plain):
    sealed = seal(plain)

    for at in range(len(sealed)):
        assert not digests(sealed[:at])[1]
        for bit in range(8):
            damaged = bytearray(sealed)
            damaged[at] ^= 1 << bit
            assert not digests(bytes(damaged))[1]


def test_added_bytes_are_seen(plain):
    assert not digests(seal(plain) + b"\0")[1]


def test_a_seal_that_does_not_hold_is_told_from_none(plain):
    assert seal_error(seal(plain) + b"\0").code == "E_MODEL_DAMAGED"
    assert seal_error(plain).code == "E_MODEL_UNSEALED"
