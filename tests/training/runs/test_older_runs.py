"""Run folders that an older seqrt wrote still open, resume and export.

older/ was written before `Plan` held an architecture and a recipe: one run that finished, and the
same run stopped after two epochs. Weights are compared to rounding, because other processors sum in
another order.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from seqrt.export import export
from seqrt.training import Plan, load_run, resume

OLDER = Path(__file__).parent / "older"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with the runs and their data, where the runs' relative paths lead."""
    shutil.copytree(OLDER, tmp_path / "older")
    monkeypatch.chdir(tmp_path / "older")


def test_a_run_that_an_older_seqrt_stopped_resumes_to_the_weights_of_the_finished_one():
    run = resume("stopped")
    for _ in run:
        pass
    run.finish()

    assert [epoch.number for epoch in run.epochs] == [1, 2, 3, 4, 5, 6]
    resumed, finished = load_run("stopped").state_dict(), load_run("finished").state_dict()
    assert resumed.keys() == finished.keys()
    for name, value in finished.items():
        torch.testing.assert_close(resumed[name], value, rtol=1e-3, atol=1e-5)


def test_the_plan_of_an_older_run_is_read_and_written_as_it_was():
    record = resume("stopped").record()["plan"]

    assert Plan.of_record(record).record() == record
    assert record["units"] == (5, 3)
    assert record["noise"] == 0.05


def test_a_run_that_an_older_seqrt_finished_exports():
    exported = export(load_run("finished"), "older.onnx")

    assert exported.report.ok
    assert [column.name for column in exported.manifest.features] == ["wave", "load"]
    assert exported.manifest.name == "wave"
