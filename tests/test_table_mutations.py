"""No mutation of a table changes the training data silently.

Each gives the same windows, or is named: by an error in one sentence (exit code 2 or 3), or by a
line of those that training opens with.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
import table_mutations

from seqrt.cli.run_report import data_introduction
from seqrt.errors import InputError, UsageError
from seqrt.training import Plan

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def judged(tmp_path):
    """Return the scaled windows of a file and its opening lines, or the error."""

    def judge(content):
        path = tmp_path / "load.csv"
        path.write_bytes(content)
        plan = Plan(str(path), target=("load",), window=6)
        try:
            problem = plan.problem()
        except (InputError, UsageError) as error:
            return None, str(error)
        lines = [": ".join(pair) for pair in data_introduction(plan, problem)]
        return scaled_windows(problem), "\n".join([*lines, *problem.notes])

    return judge


def scaled_windows(problem):
    """Return the windows by feature name, and their targets, in units of their scaling."""
    metadata, found = problem.metadata, {}
    for name, part in (("training", problem.train), ("validation", problem.validation)):
        x = np.array(part.x, np.float64)
        for i, column in enumerate(metadata.features):
            found[name, column.name] = (x[..., i] - column.mean) / column.scale
        found[name, "target"] = part.y
    return found


def test_every_mutation_of_a_table_gives_the_same_windows_or_is_named(judged):
    good = table_mutations.written(table_mutations.good_rows())
    windows, _ = judged(good)
    cases = list(table_mutations.mutations())
    faults = []

    for case in cases:
        found, said = judged(case.content)
        if case.says == table_mutations.SAME:
            fault = said if found is None else difference(windows, found)
        else:
            fault = "" if re.search(case.says, said) else f"not said: {said}"
        if found is None and len(said.splitlines()) > 1:
            fault = f"more than one line: {said}"
        if fault:
            faults.append((case.name, fault))

    assert len(cases) >= 200
    assert not faults, "\n".join(f"{name}: {fault}" for name, fault in faults[:20])


def difference(expected, found):
    """Say where two sets of windows differ; nothing where they are the same."""
    if expected.keys() != found.keys():
        return f"features differ: {sorted(expected.keys() ^ found.keys())}"
    for name, values in expected.items():
        if values.shape != found[name].shape:
            return f"{name}: {values.shape} became {found[name].shape}"
        if not np.allclose(values, found[name], rtol=1e-5, atol=1e-5):
            return f"{name}: other values"
    return ""
