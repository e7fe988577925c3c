"""If the N-th open, write, fsync or rename fails, for every N, there is no half file."""

from __future__ import annotations

import pytest
from failing_disk import prepare, trials

modes = pytest.mark.parametrize("on", [False, True], ids=["once", "from then on"])


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A folder with a run, its model, and older results, all of which must stay intact."""
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)


@modes
@pytest.mark.parametrize("command", ["export", "predict", "predict, .csv", "forecast"])
def test_a_result_is_whole_or_the_old_one(made, command, on):
    met = list(trials(command, on=on))

    assert [(trial.number, trial.failed, fault) for trial, fault in met if fault] == []
    assert {"open", "write", "fsync", "replace"} <= {trial.failed for trial, _ in met}


# tools/failing_disk.py lets every operation fail in turn, not every seventh.


@modes
def test_every_file_of_a_run_is_whole(made, on):
    met = list(trials("train", on=on, every=7))

    assert [(trial.number, trial.failed, fault) for trial, fault in met if fault] == []
    assert len(met) > 5
