"""Opening a model file: whole, sealed and described by itself, or refused with a clear reason."""

from __future__ import annotations

import hashlib
import os
import pickle
import random
import sys
from pathlib import Path

import numpy as np
import pytest

import seqrt
from seqrt import MissingExtraError, ModelError, ResourceError, UsageError
from seqrt.contract import seal
from seqrt.contract.seal import SEAL_SIZE
from seqrt.runtime.opening.session import explained, open_session, run_bound, run_session

NETS = Path(__file__).parents[1] / "nets"


LSTM = (NETS / "lstm-last.onnx").read_bytes()


def test_a_model_opens_from_a_path_a_text_or_bytes():
    path = NETS / "lstm-last.onnx"

    digests = {seqrt.load(path).digest, seqrt.load(str(path)).digest, seqrt.Model(LSTM).digest}

    assert len(digests) == 1


def test_the_manifest_says_what_the_file_is(lstm):
    m = lstm.manifest

    assert [column.name for column in m.features] == ["speed", "load"]
    assert [column.unit for column in m.outputs] == ["mm", "K"]
    assert [(layer.cell, layer.units) for layer in m.layers] == [("lstm", 6), ("lstm", 4)]
    assert (m.task, m.head, m.streamable, m.state_size) == ("regress", "last", True, 20)
    assert m.parity.runtime < 1e-4
    assert repr(lstm) == "<seqrt.Model 'lstm-last': regress, 2 -> lstm 6 -> lstm 4 -> 2, cpu>"


def test_every_single_bit_flip_in_a_stretch_is_seen():
    for at in [*range(40), *range(len(LSTM) - SEAL_SIZE, len(LSTM))]:
        for bit in range(8):
            damaged = bytearray(LSTM)
            damaged[at] ^= 1 << bit
            with pytest.raises(ModelError, match=r"E_MODEL_(DAMAGED|UNSEALED)"):
                seqrt.Model(bytes(damaged))


def test_random_damage_and_truncation_are_seen():
    chance = random.Random(0)
    for _ in range(300):
        damaged = bytearray(LSTM)
        at = chance.randrange(len(damaged))
        damaged[at] = (damaged[at] + chance.randrange(1, 256)) % 256
        with pytest.raises(ModelError, match="E_MODEL_"):
            seqrt.Model(bytes(damaged))
        with pytest.raises(ModelError, match="E_MODEL_"):
            seqrt.Model(LSTM[:at])


def test_a_file_without_a_seal_is_refused():
    with pytest.raises(ModelError, match=r"E_MODEL_UNSEALED: this file of .* bytes has no seal"):
        seqrt.Model(LSTM[:-SEAL_SIZE])


def test_a_sealed_file_of_another_tool_is_refused():
    with pytest.raises(ModelError, match=r"E_MODEL_FOREIGN: .*metadata record seqrt\.manifest"):
        seqrt.Model(seal(b""))
    with pytest.raises(ModelError, match="E_MODEL_FORMAT: the model must be an ONNX file"):
        seqrt.Model(seal(b"\xff" * 40))


def test_a_manifest_that_disagrees_with_the_graph_is_refused():
    body = LSTM[:-SEAL_SIZE].replace(b'"units":6', b'"units":7')
    body = body.replace(b'"state_size":20', b'"state_size":22')

    with pytest.raises(ModelError, match="E_MODEL_GRAPH: the manifest requires inputs "):
        seqrt.Model(seal(body))


def test_a_newer_format_is_refused_kindly():
    body = LSTM[:-SEAL_SIZE].replace(b'"format":1', b'"format":3')

    with pytest.raises(ModelError, match=r"E_MODEL_VERSION: .*format 3.*pip install -U seqrt"):
        seqrt.Model(seal(body))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"E_MODEL_FILE: .*gone\.onnx: the file does not exist"):
        seqrt.load(tmp_path / "gone.onnx")


def test_what_is_no_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    unused = os.dup(0)
    os.close(unused)

    for path in (tmp_path, tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(ModelError, match=r"E_MODEL_FILE: .* must be a regular file, not a fol"):
            seqrt.load(path)
    with pytest.raises(ModelError, match=r"E_MODEL_FILE: .*null"):
        seqrt.load("nul\0byte")

    again = os.dup(0)
    os.close(again)
    assert again == unused, "a file was left open"


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "empty.onnx").touch()

    with pytest.raises(ModelError, match=r"E_MODEL_UNSEALED: .*empty\.onnx.*0 bytes"):
        seqrt.load(tmp_path / "empty.onnx")


def test_a_file_of_2_gib_is_refused_before_it_is_read(tmp_path):
    with open(tmp_path / "huge.onnx", "wb") as file:
        file.truncate(1 << 31)

    with pytest.raises(ModelError, match=r"must be smaller than 2 GiB, got 2,147,483,648 bytes\."):
        seqrt.load(tmp_path / "huge.onnx")


def test_without_onnxruntime_the_pip_line_is_given(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)

    with pytest.raises(
        MissingExtraError, match=r"needs onnxruntime\. .*pip install 'seqrt\[cpu\]'"
    ):
        seqrt.Model(LSTM)


def test_where_the_system_does_not_say_which_processors_are_allowed_it_is_all(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")

    assert seqrt.Model(LSTM).threads == (os.cpu_count() or 1)


def test_an_unknown_device_is_a_usage_error():
    with pytest.raises(UsageError, match="device must be cpu, cuda or auto, got 'tpu'"):
        seqrt.load(NETS / "lstm-last.onnx", device="tpu")


@pytest.mark.parametrize("threads", [0, -1, 1.5, True])
def test_a_number_of_threads_that_is_none_is_refused(threads):
    with pytest.raises(UsageError, match="threads must be a whole number from 1"):
        seqrt.load(NETS / "lstm-last.onnx", threads=threads)


def test_an_idle_model_burns_no_processor_time():
    options = open_session(LSTM, "cpu").get_session_options()

    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_a_graph_that_onnxruntime_refuses_is_a_model_error():
    with pytest.raises(ModelError, match="E_MODEL_FORMAT: onnxruntime cannot load"):
        open_session(LSTM[:-SEAL_SIZE].replace(b"\x22\x04LSTM", b"\x22\x04LSTX"), "cpu")


def test_a_graph_that_fails_while_it_runs_is_a_model_error(lstm):
    session = open_session(LSTM, "cpu")

    with pytest.raises(ModelError, match="E_MODEL_RUN: onnxruntime cannot run"):
        run_session(session, ["y"], {"x": np.zeros((1, 3, 2), np.float32)})
    with pytest.raises(ModelError, match="E_MODEL_RUN: onnxruntime cannot run"):
        run_bound(session, session.io_binding(), 24)


def test_memory_that_runs_out_below_is_told_with_what_to_do():
    for error in (MemoryError(), RuntimeError("Failed to allocate memory for requested buffer")):
        with (
            pytest.raises(ResourceError, match="E_MEMORY: a run over 1,200 bytes"),
            explained(1200),
        ):
            raise error


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\x22\x04LSTM", b"\x22\x04LSTX"),
        (np.int64([6, 6, 4, 4]).tobytes(), np.int64([7, 5, 4, 4]).tobytes()),
    ],
)
def test_a_graph_that_export_does_not_write_is_refused_before_onnxruntime_sees_it(old, new):
    body = LSTM[:-SEAL_SIZE].replace(old, new)
    assert body != LSTM[:-SEAL_SIZE]

    with pytest.raises(ModelError, match=r"E_MODEL_(GUARD|GRAPH): .*Export the model again|export"):
        seqrt.Model(seal(body))


def test_weights_that_are_not_finite_are_refused_by_name():
    at = LSTM.rindex(b"layer1_R") + 11
    for bad in (np.nan, np.inf):
        body = LSTM[:at] + np.float32(bad).tobytes() + LSTM[at + 4 : -SEAL_SIZE]
        with pytest.raises(
            ModelError, match=r"E_WEIGHTS_NONFINITE: .*'layer1_R' contains NaN or Inf"
        ):
            seqrt.Model(seal(body))


# Unsealed, and pinned


def test_a_file_without_a_seal_opens_when_that_is_asked_for(lstm, x):
    for content in (LSTM[:-SEAL_SIZE], LSTM[:-3] + b"abc"):
        model = seqrt.Model(content, trust="unsealed")

        np.testing.assert_array_equal(model.predict(x), lstm.predict(x))
        assert not model.sealed
        assert model.digest == hashlib.sha256(content).hexdigest()
    assert lstm.sealed
    assert seqrt.Model(LSTM, trust="unsealed").sealed


def test_an_unsealed_file_is_guarded_all_the_same():
    body = LSTM[:-SEAL_SIZE].replace(b"\x22\x04LSTM", b"\x22\x04Loop")

    with pytest.raises(ModelError, match=r"E_MODEL_GUARD: .*the operator 'Loop'"):
        seqrt.Model(body, trust="unsealed")


def test_an_unsealed_model_travels_to_another_process():
    model = seqrt.Model(LSTM[:-SEAL_SIZE], trust="unsealed")

    assert pickle.loads(pickle.dumps(model)).digest == model.digest


def test_a_pinned_digest_is_that_of_the_file_or_the_file_is_refused():
    path = NETS / "lstm-last.onnx"
    digest = hashlib.sha256(LSTM).hexdigest()

    assert seqrt.load(path, sha256=digest.upper()).digest == digest
    with pytest.raises(ModelError, match=r"E_MODEL_DIGEST: .*lstm-last\.onnx: .* must be 0000"):
        seqrt.load(path, sha256="0" * 64)


@pytest.mark.parametrize("options", [{"sha256": "abc"}, {"sha256": ""}, {"trust": "all"}])
def test_a_digest_or_a_trust_that_is_none_is_a_usage_error(options):
    with pytest.raises(UsageError, match=r"(sha256|trust) must be"):
        seqrt.load(NETS / "lstm-last.onnx", **options)
