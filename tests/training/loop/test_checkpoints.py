"""Resuming: however a run was interrupted, its weights and metrics are those of an unbroken run.

A kill leaves what is in the folder at that moment. So most tests here copy the folder of a run at
many moments, and resume the copies.
"""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from seqrt.errors import InputError, ModelError, TrainingError, UsageError
from seqrt.training import Plan, fit, newest_run, resume, start, train
from seqrt.training.loop.checkpoints import NEWEST, PREVIOUS, Checkpoints
from seqrt.training.runs.lock import locked


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch, ragged):
    """A folder with one file of ragged, labelled sequences."""
    x, y = ragged
    np.savez(tmp_path / "moves.npz", x=np.concatenate(x), lengths=[len(row) for row in x], y=y)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def plan() -> Plan:
    """Dropout and noise draw random numbers at every step; an epoch has four steps."""
    return Plan(
        "moves.npz",
        cell="gru",
        units=(4, 3),
        dropout=0.3,
        noise=0.2,
        epochs=3,
        batch_size=12,
        patience=9,
    )


def copied(plan: Plan, out: str = "alone") -> list[Path]:
    """Train; return copies of the folder after each step and each epoch."""
    run, copies = start(plan, out), []
    original = run.checkpoints.save

    def save(*what):
        original(*what)
        copies.append(Path(f"{out}-{len(copies)}"))
        shutil.copytree(run.path, copies[-1])

    run.checkpoints.every, run.checkpoints.share, run.checkpoints.save = 0.0, 1e9, save
    list(run)
    return copies


def finish(path: Path) -> None:
    list(resume(path))


def outcome(path: Path):
    """The bytes of the weights, and the rows without their seconds."""
    with (path / "results.csv").open(newline="") as file:
        rows = [{**row, "seconds": None} for row in csv.DictReader(file)]
    return (path / "best.safetensors").read_bytes(), rows


def damage(path: Path, place: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(place * (len(data) - 1))] ^= 0x10
    path.write_bytes(data)


# A resumed run equals an uninterrupted one


@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"head": "sequence", "tbptt": 6, "accumulate": 2},
        {"cell": "lstm", "val": 0.0, "tbptt": 5},
        {"cell": "mingru", "units": (4, 4), "residual": True},
    ],
)
def test_a_run_resumes_from_any_moment_to_the_same_weights_bit_for_bit(choices, plan, ragged):
    if "head" in choices:
        x, _ = ragged
        flags = np.concatenate(x)[:, 0] > 0
        np.savez("moves.npz", x=np.concatenate(x), lengths=[len(row) for row in x], y=flags)
    options = {name: value for name, value in choices.items() if name != "head"}
    copies = copied(plan.with_options(**options))
    want = outcome(Path("alone"))

    for copy in copies[::4]:
        finish(copy)

        assert outcome(copy) == want, copy


def test_a_finished_run_has_no_checkpoint_and_is_like_one_that_never_stopped(plan):
    copy = copied(plan)[4]
    alone, other = resume("alone"), resume(copy)
    list(alone), list(other)

    results = alone.finish(), other.finish()

    assert results[0].figures == results[1].figures
    assert results[0].best_epoch == results[1].best_epoch
    names = {path.name for path in copy.iterdir()}
    assert names == {path.name for path in Path("alone").iterdir()}
    assert names.isdisjoint({NEWEST, PREVIOUS})


def test_a_run_may_be_stopped_again_and_again(plan):
    want = outcome(train(plan, "alone").path)
    run = start(plan, "often")

    for _ in range(7):
        run.stop()
        steps = run.checkpoints.start.progress.step
        list(run)
        run = resume("often")
        assert run.checkpoints.start.progress.step in (steps + 1, 0)
    list(run)

    assert outcome(run.path) == want


def test_patience_counts_across_a_resume(plan):
    plan = plan.with_options(epochs=40, patience=2, lr=0.1)
    copies = copied(plan)
    rows = outcome(Path("alone"))[1]
    assert len(rows) < 40

    for copy in (copies[-12], copies[-1]):
        finish(copy)

        assert outcome(copy) == outcome(Path("alone"))


def test_a_run_killed_before_its_first_checkpoint_starts_over(plan):
    want = outcome(train(plan, "alone").path)
    start(plan, "early")
    Path("early/.checkpoint.safetensors.0123abcd.part").write_bytes(b"half")
    Path("early/results.csv").write_text("number,loss,val")

    finish(Path("early"))

    assert outcome(Path("early")) == want
    assert list(Path("early").glob(".*")) == []


def test_rows_beyond_the_checkpoint_are_cut(plan):
    copy = copied(plan)[9]
    with (copy / "results.csv").open("a") as file:
        file.write("2,0.5,0.5,1.0,0.1,True\n3,0.4")

    finish(copy)

    assert outcome(copy) == outcome(Path("alone"))


def test_a_caller_of_fit_may_pass_checkpoints(network, ragged, here):
    alone, stopped, other = (
        network("gru", 2, (5, 4), 2, activation="softmax", dropout=0.2) for _ in range(3)
    )
    x, y = ragged
    list(fit(alone, x, y, epochs=3))
    first = Checkpoints(here)
    for epoch in fit(stopped, x, y, epochs=3, checkpoints=first):
        first.stopping = epoch.number == 2

    again = Checkpoints(here)
    again.load()
    rest = list(fit(other, x, y, epochs=3, checkpoints=again))

    assert [epoch.number for epoch in rest] == [3]
    for name, value in alone.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


# Damaged files


@pytest.mark.parametrize("place", [0.0, 0.2, 0.6, 0.8, 1.0])
def test_a_damaged_checkpoint_is_reported_and_the_one_before_is_used(place, plan):
    copy = copied(plan)[12]
    damage(copy / NEWEST, place)

    run = resume(copy)
    list(run)

    assert run.warning.startswith(f"{copy / NEWEST} is damaged")
    assert outcome(copy) == outcome(Path("alone"))


def test_a_run_resumes_from_the_one_before_a_truncated_or_lost_checkpoint(plan):
    copies = copied(plan)
    data = (copies[12] / NEWEST).read_bytes()
    (copies[12] / NEWEST).write_bytes(data[: len(data) // 2])
    (copies[13] / NEWEST).unlink()

    for copy in copies[12:14]:
        finish(copy)

        assert outcome(copy) == outcome(Path("alone"))


def test_if_all_are_damaged_nothing_is_overwritten(plan):
    copy = copied(plan)[12]
    for name in (NEWEST, PREVIOUS):
        damage(copy / name, 0.7)
    before = {path.name: path.read_bytes() for path in copy.iterdir()}

    with pytest.raises(
        ModelError, match=r"E_RUN_DAMAGED: the run cannot be resumed: .* is damaged"
    ):
        resume(copy)

    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


def test_lost_rows_are_damage(plan):
    copy = copied(plan)[-1]
    rows = (copy / "results.csv").read_text().splitlines(keepends=True)
    (copy / "results.csv").write_text("".join(rows[:-1]))

    with pytest.raises(ModelError, match=r"E_RUN_DAMAGED: .*results.csv must hold a row for each"):
        resume(copy)


# Runs that cannot be resumed


def test_changed_data_is_rejected_and_the_folder_stays_as_it_was(plan, ragged):
    copy = copied(plan)[3]
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    x, y = ragged
    x[7][0, 0] += 1e-3
    np.savez("moves.npz", x=np.concatenate(x), lengths=[len(row) for row in x], y=y)

    with pytest.raises(InputError, match=r"E_DATA_CHANGED: moves.npz must be the data"):
        resume(copy)

    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


def test_a_changed_plan_is_rejected(plan):
    copy = copied(plan)[3]
    record = copy / "run.toml"
    record.write_text(record.read_text().replace("noise = 0.2", "noise = 0.3"))

    with pytest.raises(UsageError, match=r"was written with other settings than those in run.toml"):
        resume(copy)


def test_a_finished_run_is_rejected_with_the_next_command(plan):
    path = train(plan).path

    with pytest.raises(
        UsageError, match=r"is finished. Export it with: seqrt export runs/moves-gru"
    ):
        resume(path)


def test_a_run_that_another_process_trains_is_rejected(plan):
    run = start(plan)

    with (
        locked(run.path),
        pytest.raises(UsageError, match="is being trained by another process"),
    ):
        resume(run.path)


def test_a_folder_without_a_run_is_rejected(here):
    with pytest.raises(UsageError, match=r"must be a run folder, but contains no run.toml"):
        resume(here)
    with pytest.raises(UsageError, match=r"there is no unfinished run in runs/"):
        resume()


# Which run is resumed


def test_the_newest_unfinished_run_is_resumed(plan):
    start(plan)
    wanted = start(plan)
    finished, busy = train(plan), start(plan)

    with locked(busy.path):
        run = resume()

    assert run.path == wanted.path
    assert newest_run() == finished.path


# Runs that diverge


def test_a_diverging_run_can_only_diverge_again(plan):
    plan = plan.with_options(cell="rnn", nonlinearity="relu", lr=1e30, clip=1e30)
    messages = []

    for run in (start(plan, "mine"), "mine"):
        with pytest.raises(
            TrainingError, match=r"E_DIVERGED: .* in epoch \d+, step \d+: "
        ) as error:
            list(resume(run) if run == "mine" else run)
        messages.append(str(error.value))

    assert messages[0] == messages[1]
