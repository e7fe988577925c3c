"""The N-th open, write, fsync or rename fails, for every N: no half file, the old one intact."""

from __future__ import annotations

import pytest
from failing_disk import prepare, trials

modes = pytest.mark.parametrize("on", [False, True], ids=["once", "from then on"])


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A folder with a run, its model, and older results; what is there must stay as it is."""
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)


@modes
@pytest.mark.parametrize("command", ["export", "predict"])
def test_a_result_is_whole_or_the_old_one(made, command, on):
    met = list(trials(command, on=on))

    assert [(trial.number, trial.failed, fault) for trial, fault in met if fault] == []
    assert {"open", "write", "fsync", "replace"} <= {trial.failed for trial, _ in met}


# tools/failing_disk.py takes every one of them


@modes
def test_every_file_of_a_run_is_whole(made, on):
    met = list(trials("train", on=on, every=7))

    assert [(trial.number, trial.failed, fault) for trial, fault in met if fault] == []
    assert len(met) > 5
