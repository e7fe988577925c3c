"""tools/training_parts.py: the parts of a training step add up to the step."""

from __future__ import annotations

import pytest
from pages import HOUSE


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_every_part_takes_some_of_the_step_and_all_together_take_it(cell, monkeypatch):
    monkeypatch.syspath_prepend(HOUSE / "tools")
    import training_parts

    found = training_parts.measured(cell, 3, 1)

    assert tuple(found) == training_parts.COLUMNS
    *parts, step, products = found.values()
    assert min(*parts, products) > 0
    assert sum(parts) == pytest.approx(step)
