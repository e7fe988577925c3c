"""The seal keeps a file valid ONNX and shows every damage."""

from __future__ import annotations

import hashlib

import onnx
import pytest
from onnx import TensorProto, helper

from seqrt.contract.seal import SEAL_SIZE, check_seal, read_metadata, seal
from seqrt.errors import ModelError


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

    assert check_seal(sealed) == hashlib.sha256(sealed).hexdigest()


def test_every_bit_flip_and_every_truncation_is_seen(plain):
    sealed = seal(plain)

    for at in range(len(sealed)):
        with pytest.raises(ModelError):
            check_seal(sealed[:at])
        for bit in range(8):
            damaged = bytearray(sealed)
            damaged[at] ^= 1 << bit
            with pytest.raises(ModelError, match=r"E_MODEL_(DAMAGED|UNSEALED)"):
                check_seal(bytes(damaged))


def test_added_bytes_are_seen(plain):
    with pytest.raises(ModelError, match="E_MODEL_DAMAGED"):
        check_seal(seal(plain) + b"\0")


def test_metadata_is_read_without_onnx(plain):
    records = read_metadata(seal(plain))

    assert records["note"] == "ä"
    assert list(records) == ["seqrt.manifest", "note", "seqrt.seal"]


@pytest.mark.parametrize(
    "rubbish",
    [b"\xff", b"\xff" * 12, b"\x72\x7f\x00", b"\x72\x02\x0a\x05", b"\x0b", b"\x72\x03\x0a\x01\xff"],
)
def test_bytes_that_are_no_protobuf_message_are_refused(rubbish):
    with pytest.raises(ModelError, match="E_MODEL_FORMAT: the model must be an ONNX file"):
        read_metadata(rubbish)


def test_a_record_that_stands_twice_is_refused(plain):
    entry = b"\x72\x08\x0a\x04note\x12\x00"

    with pytest.raises(ModelError, match="metadata key 'note' stands twice"):
        read_metadata(plain + entry)
