"""Files of format 2 that are built from the idioms pass the guard."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import format2_nets
import pytest

from seqrt.contract.guard import guard
from seqrt.errors import ModelError


@pytest.mark.parametrize("name", format2_nets.NETS)
def test_a_file_made_of_idioms_passes(name: str):
    found = guard(format2_nets.NETS[name]())

    assert (found.manifest.name, found.manifest.format) == (name, 2)


@pytest.mark.parametrize(("times", "passes"), [(1, True), (9, True), (15, False)])
def test_the_work_of_a_step_is_in_proportion_to_the_file(times: int, passes: bool):
    net = format2_nets.Net(2, "h4")
    out, ends = net.layer("gru", net.steps_of_x(), 2, 4, starts=(net.pieces[0],))
    net.ends += ends
    large = net.weights(4, 400)
    for _ in range(times):
        net.add("MatMul", out, large)
    last = net.add("Squeeze", ends[0], net.graph.axes(0))
    content = net.file("heavy", [("y", net.dense(last, 4, 20), 20, "last")])

    if passes:
        assert guard(content).manifest.name == "heavy"
    else:
        with pytest.raises(ModelError, match=r"E_MODEL_GUARD: .* uses the weights .* 15 times"):
            guard(content)


def test_a_file_of_format_1_does_not_load_the_rules_of_format_2():
    file = Path(__file__).parents[1] / "runtime/nets/lstm-last.onnx"
    code = "import seqrt, sys; seqrt.load(sys.argv[1]); print(*sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-c", code, file], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "seqrt.contract.guard" in loaded
    assert not {
        "seqrt.contract.guard_format2",
        "seqrt.contract.operators_format2",
        "seqrt.contract.idioms.recognise",
    } & set(loaded)
