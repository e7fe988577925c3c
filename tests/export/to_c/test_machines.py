"""The golden cases hold on other machines, and the bits are those of this one.

The emulators and compilers are packages of Debian: see tools/c_machines.py.
"""

from __future__ import annotations

from pathlib import Path

import c_machines
import pytest

from seqrt.export import shrink

MODELS = Path(__file__).parents[3] / "models"
NETS = Path(__file__).parents[2] / "runtime" / "nets"
FILES = ["gru-norm-classes", "missing/lstm-forward", "format2/dilated", "format2/forecaster"]
HERE, *OTHERS = [m for m in c_machines.MACHINES if m.name not in ("gcc -O0", "clang -O0")]


def same_on(machine, content, tmp_path):
    """Replay a model here and on a machine; the bits must be the same."""
    for each in (HERE, machine):
        if each.missing:
            pytest.skip(f"{each.name} needs {', '.join(each.missing)}")
    folders = tmp_path / "here", tmp_path / "there"
    for folder in folders:
        folder.mkdir()

    here, there = map(c_machines.replay, (content, content), (HERE, machine), folders)

    assert here[0] == there[0] == 0
    assert there[1][:2] == here[1]
    assert there[1][1].startswith("bits ")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("machine", OTHERS[-3:-1], ids=lambda machine: machine.name)
def test_an_emulated_machine_gives_the_bits_of_this_one(machine, file, tmp_path):
    same_on(machine, (NETS / f"{file}.onnx").read_bytes(), tmp_path)


@pytest.mark.parametrize("machine", OTHERS[-3:], ids=lambda machine: machine.name)
def test_weights_of_16_bits_give_the_same_bits_by_any_instruction(machine, tmp_path):
    shrink(MODELS / "tutorial-rnn.onnx", tmp_path / "small.onnx", weights="fp16")

    same_on(machine, (tmp_path / "small.onnx").read_bytes(), tmp_path)
