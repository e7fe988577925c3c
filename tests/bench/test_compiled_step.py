"""tools/compiled_step.py: the steps in C that it times compute what the model file computes."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from pages import HOUSE

COMPILER = pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler here")


@pytest.fixture
def live(monkeypatch, tmp_path):
    """Return the function that pushes 50 steps through a contender, by cell."""
    monkeypatch.syspath_prepend(HOUSE / "tools")
    from compiled_step import outputs
    from side_by_side.contenders import Net
    from side_by_side.harness import Harness

    def of(cell, make):
        net = Net(cell, (10, 7))
        work, _ = Harness(tmp_path, quick=True).work(net)
        return outputs(make(work.job("") | {"net": net}), work.draw(50))

    return of


@COMPILER
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_generic_step_has_the_bits_of_the_exported_c_and_is_near_the_file(live, cell):
    from side_by_side.compiled import PLAIN, BareC, ExportedStep, GenericStep, PushOverC

    from seqrt.bench.contenders import Seqrt

    exported = live(cell, lambda job: BareC(job, ExportedStep, PLAIN))

    assert np.array_equal(live(cell, lambda job: BareC(job, GenericStep, PLAIN)), exported)
    assert np.array_equal(live(cell, lambda job: PushOverC(job, GenericStep, PLAIN)), exported)
    np.testing.assert_allclose(exported, live(cell, Seqrt), atol=1e-6)


@COMPILER
def test_source_that_does_not_compile_ends_with_what_the_compiler_says(live, tmp_path):
    from side_by_side.compiled import PLAIN, built

    with pytest.raises(SystemExit, match=r"step\.c.*error"):
        built("int f(void) { return x; }", tmp_path, PLAIN)
