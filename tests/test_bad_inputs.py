"""Bad inputs raise the right error, never another library's, and leave no file.

These tests run all Python cases, and a part of the command-line cases for each kind of model;
tools/bad_inputs.py runs all of them, in processes that may die.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import bad_arrays
import bad_files
import pytest

import seqrt

CELLS = ("rnn", "lstm", "gru")
NETS = Path(__file__).parent / "runtime" / "nets"

each_cell = pytest.mark.parametrize("cell", CELLS)


@each_cell
def test_every_bad_array_is_answered_by_its_error(cell):
    model = seqrt.load(NETS / f"{cell}-last.onnx")
    count, faults = 0, []

    for case in bad_arrays.cases():
        count += 1
        try:
            answer = case.call(model)
            faults.append((case.name, f"no error: {answer!r:.60}"))
        except case.error as error:
            if not str(error).startswith(case.head):
                faults.append((case.name, str(error)))

    assert count >= 200
    assert faults == []


def test_there_are_enough_bad_files_each_of_its_own_name():
    names = [case.name for case in bad_files.cases()]

    assert len(set(names)) == len(names) >= 200


@each_cell
def test_every_bad_file_is_one_line_its_exit_code_and_no_output(cell, tmp_path, monkeypatch):
    some = islice(bad_files.cases(), CELLS.index(cell), None, 11)
    found = {}

    for number, case in enumerate(some):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        faults = bad_files.faults(case, folder, NETS / f"{cell}-last.onnx", bad_files.called)
        found[case.name] = faults

    assert {name: faults for name, faults in found.items() if faults} == {}
