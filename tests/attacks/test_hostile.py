"""Each hostile file is refused with the right code before onnxruntime sees any of its bytes."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tracemalloc
from collections import Counter

import numpy as np
import onnx
import pytest
from attacks import hostile, hostile_format2, hostile_small_weights, hostile_text
from onnx import numpy_helper

import seqrt
from seqrt.contract.guard import guard
from seqrt.contract.operators import OPERATORS
from seqrt.contract.seal import SEAL_SIZE, seal
from seqrt.errors import InputError, ModelError
from seqrt.runtime.opening.file import ModelFile

ATTACKS = [
    *hostile.attacks(),
    *hostile_format2.attacks(),
    *hostile_small_weights.attacks(),
    *hostile_text.attacks(),
]
NETS = sorted(hostile.NETS.rglob("*.onnx"))
WITHOUT_A_POLICY = sorted(hostile.NETS.glob("*.onnx"))
MEGABYTE = 1 << 20

# Opens every attack in a process that records each file opened, and whether onnxruntime is loaded.
ALONE = """
import json, sys
from pathlib import Path
from seqrt.contract import guard_format2, operators_format2  # as the first file of format 2 does
from seqrt.contract.small_weights import check
from seqrt.errors import InputError, ModelError
from seqrt.runtime.opening.file import ModelFile

files = [path.read_bytes() for path in sorted(Path(sys.argv[1]).glob("*.attack"))]
seen, codes = [], []
sys.addaudithook(lambda event, args: seen.append([event, repr(args)]))
for content in files:
    try:
        ModelFile.parse(content)
    except ModelError as error:
        codes.append(error.code)
reached = [e for e in seen if e[0].partition(".")[0] in ("open", "os", "socket", "subprocess")]
print(json.dumps([codes, reached, [name for name in sys.modules if "onnx" in name]]))
"""


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_a_hostile_file_is_refused_by_its_code(attack):
    with pytest.raises(ModelError) as refusal:
        ModelFile.parse(attack.content)

    assert refusal.value.code == attack.code
    assert len(str(refusal.value)) < 1_000
    assert str(refusal.value).isprintable()


def test_the_guard_alone_refuses_all_but_what_seals_and_weights_are_looked_at_for():
    for attack in ATTACKS:
        if attack.code not in (hostile.UNSEALED, hostile.DAMAGED, hostile.WEIGHTS):
            with pytest.raises(ModelError):
                guard(attack.content)


def test_there_are_many_of_them_and_each_is_another():
    assert len(ATTACKS) >= 150
    assert len({attack.content for attack in ATTACKS}) == len(ATTACKS)
    assert len(Counter(attack.code for attack in ATTACKS)) == 9


def test_nothing_is_read_outside_and_onnxruntime_is_not_even_loaded(tmp_path):
    for number, attack in enumerate(ATTACKS):
        (tmp_path / f"{number:03}.attack").write_bytes(attack.content)
    (tmp_path / hostile.OUTSIDE).write_bytes(bytes(192))

    done = subprocess.run(
        [sys.executable, "-c", ALONE, tmp_path], capture_output=True, text=True, check=True
    )

    codes, reached, loaded = json.loads(done.stdout)
    assert codes == [attack.code for attack in ATTACKS]
    assert reached == []
    assert [name for name in loaded if not name.startswith("seqrt.")] == []


def test_a_refusal_takes_memory_in_proportion_to_the_file():
    for attack in ATTACKS:
        tracemalloc.start()
        with pytest.raises(ModelError):
            ModelFile.parse(attack.content)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

        assert most < 20 * MEGABYTE + 3 * len(attack.content), attack.name


def test_the_attacks_without_a_seal_are_refused_too_where_none_is_asked_for():
    for attack in ATTACKS:
        if attack.code not in (hostile.UNSEALED, hostile.DAMAGED, hostile.FOREIGN):
            with pytest.raises(ModelError) as refusal:
                seqrt.Model(attack.content[:-SEAL_SIZE], trust="unsealed")
            assert refusal.value.code == attack.code, attack.name


def test_a_foreign_file_is_told_where_it_comes_from():
    for trust in ("sealed", "unsealed"):
        with pytest.raises(ModelError, match=r"E_MODEL_FOREIGN: .* Export it with seqrt"):
            seqrt.Model(hostile.changed(lambda m: m.ClearField("metadata_props")), trust=trust)


# Files that the guard accepts


@pytest.mark.parametrize("path", NETS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_seqrt_writes_passes_and_nothing_is_copied(path):
    content = path.read_bytes()

    found = guard(content)

    tensors = {tensor.name: tensor for tensor in onnx.load_from_string(content).graph.initializer}
    assert found.constants.keys() == tensors.keys()
    for name, value in found.constants.items():
        assert value.data.obj is content
        assert bytes(value.data) == numpy_helper.to_array(tensors[name]).tobytes()


def test_every_operator_that_is_allowed_is_one_that_seqrt_writes():
    written = {node.op_type for path in WITHOUT_A_POLICY for node in onnx.load(path).graph.node}

    assert written == set(OPERATORS)


def test_a_file_that_another_tool_saved_again_opens_unsealed():
    model = onnx.load(hostile.NETS / "lstm-last.onnx")
    model.doc_string = "bought on a market"
    model.metadata_props.add(key="licence", value="unknown")
    content = model.SerializeToString()

    with pytest.raises(ModelError, match="E_MODEL_DAMAGED"):
        seqrt.Model(content)
    opened = seqrt.Model(content, trust="unsealed")

    x = np.ones((2, 5, 2), np.float32)
    want = seqrt.load(hostile.NETS / "lstm-last.onnx").predict(x)
    np.testing.assert_array_equal(opened.predict(x), want)


@pytest.mark.parametrize("opset", range(14, 18))
def test_every_opset_that_is_known_passes(opset):
    content = hostile.changed(lambda m: setattr(m.opset_import[0], "version", opset))

    assert seqrt.Model(content).manifest.name == "lstm-last"


def test_random_bytes_under_a_new_seal_raise_nothing_but_refusals():
    chance = random.Random(0)
    body = hostile.LSTM
    graph = body.index(b"seqrt.manifest")
    for _ in range(600):
        changed = bytearray(body)
        for _ in range(chance.randrange(1, 4)):
            changed[chance.randrange(graph + 900)] = chance.randrange(256)
        try:
            ModelFile.parse(seal(bytes(changed)))
        except ModelError as refusal:
            assert refusal.code.startswith(("E_MODEL_", "E_WEIGHTS_"))


def test_a_stream_whose_state_overflows_says_so_at_the_next_push_and_not_before():
    content = hostile.changed(
        lambda m: hostile._set(m, "layer0_B", np.full((1, 12), 3e38, np.float32)), "rnn-relu"
    )
    stream = seqrt.Model(content).stream()
    saved = stream.save()
    step = np.ones(2, np.float32)

    stream.push(step)
    with pytest.raises(InputError, match="E_INPUT_NONFINITE: state must be finite"):
        stream.push(step)
    stream.restore(saved)
    stream.push(step)
    assert np.isnan(stream.push(step, nonfinite="propagate")).all()


def test_a_residual_that_adds_the_last_step_to_all_steps_breaks_the_laws():
    content = hostile.changed(lambda m: hostile._residual(m, "layer0_end_last"), "lstm-residual")

    broken = [law.name for law in seqrt.Model(content).validate().laws if not law.ok]

    assert broken == ["a sequence cut anywhere = the whole", "step by step = the whole"]


def test_a_network_whose_own_state_overflows_fails_its_validation_and_raises_nothing():
    content = hostile.changed(
        lambda m: hostile._set(m, "layer0_B", np.full((1, 12), 3e38, np.float32)), "rnn-relu"
    )

    report = seqrt.Model(content).validate()

    assert not report.ok
    assert all(np.isnan(law.difference) for law in report.laws)
