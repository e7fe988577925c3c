"""Run folders: what is written, how a run is found again, and what damage does."""

from __future__ import annotations

import csv
import json
import shutil
import tomllib

import numpy as np
import pytest
import torch

from seqrt.errors import DeviceError, InputError, ModelError, OutputError, TrainingError, UsageError
from seqrt.training import Plan, load_run, newest_run, predict, start, train
from seqrt.training.runs.weights import save_weights


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Runs are made in the current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def plan(series_csv) -> Plan:
    return Plan(
        str(series_csv), target=("height",), window=8, cell="gru", units=(6,), epochs=3, lr=1e-2
    )


def changed(plan: Plan, **options) -> Plan:
    return plan.with_options(**options)


def test_a_run_leaves_its_record_its_rows_its_weights_and_its_pictures(plan, folder):
    result = train(plan)

    assert result.path.name == "wave-gru-1"
    names = {path.name for path in (folder / "runs" / "wave-gru-1").iterdir()}
    pictures = {"curves.png", "forecast.png", "memory.png"}
    assert names == {"run.toml", "results.csv", "best.safetensors", "typical.npy"} | pictures
    assert {path.name for path in result.pictures} == pictures
    with open(result.path / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["number"] for row in rows] == ["1", "2", "3"]
    assert all(float(row["grad_norm"]) > 0 for row in rows)


def test_the_record_holds_the_resolved_plan_and_the_figures(plan):
    result = train(plan)

    record = tomllib.loads((result.path / "run.toml").read_text())
    assert record["plan"]["task"] == "forecast"
    assert record["plan"]["features"] == ["height", "weekday"]
    assert (record["plan"]["horizon"], record["plan"]["epochs"]) == (1, 3)
    assert record["result"]["figures"] == result.figures
    assert record["result"]["baseline"]["name"] == "persistence"


def test_a_run_comes_back_with_its_best_weights_and_all_it_knows(plan):
    run = start(plan)
    list(run)

    net = load_run(run.path)

    x = run.problem.validation.x
    assert net.metadata == run.problem.metadata
    assert net.config() == run.net.config()
    np.testing.assert_array_equal(predict(net, x), predict(run.net, x))
    assert not net.training


def test_a_loaded_run_can_be_trained_further(plan):
    run = start(plan)
    list(run)
    net = load_run(run.path / "best.safetensors")

    net(torch.zeros(2, 3, 2)).sum().backward()

    assert net.layers[0].cells[0].weight_ih_l0.grad.abs().sum() > 0


def test_the_same_plan_gives_the_same_weights_bit_for_bit(plan):
    plan = changed(plan, units=(6, 5), dropout=0.2)

    first, second = train(plan), train(plan)

    weights = [(result.path / "best.safetensors").read_bytes() for result in (first, second)]
    assert weights[0] == weights[1]
    assert first.figures == second.figures


def test_the_same_numbers_give_the_same_file_whatever_they_are_stored_in(folder, rng):
    lengths = rng.integers(2, 9, 20)
    x = [rng.random((length, 2)).astype(np.float32) for length in lengths]
    padded = np.zeros((20, 9, 2), np.float32)
    for row, item in zip(padded, x, strict=True):
        row[: len(item)] = item
    without = padded.copy()
    without[np.arange(9) >= lengths[:, None]] = np.nan
    y = np.tile(["a", "b"], 10)
    np.savez("flat.npz", x=np.concatenate(x), lengths=lengths, y=y)
    np.savez("padded.npz", x=padded, lengths=lengths, y=y)
    np.savez("nan.npz", x=without, y=y)
    np.savez("first.npz", x=padded.transpose(0, 2, 1), lengths=lengths, y=y)

    runs = [
        train(Plan(f"{name}.npz", units=(3,), epochs=2, channels_first=name == "first")).path
        for name in ("flat", "padded", "nan", "first")
    ]

    weights = {(run / "best.safetensors").read_bytes() for run in runs}
    assert len(weights) == 1
    about = [load_run(run).metadata for run in runs]
    assert [each.name for each in about] == ["flat", "padded", "nan", "first"]
    assert len({each.data_sha256 for each in about}) == 4


def test_a_weights_file_by_itself_has_lost_its_name(plan, tmp_path):
    run = start(plan)
    list(run)
    alone = tmp_path / "alone" / "other.safetensors"
    alone.parent.mkdir()
    shutil.copy(run.path / "best.safetensors", alone)

    net = load_run(alone)

    assert (net.metadata.name, net.metadata.data_sha256) == ("network", None)
    assert net.metadata.features == run.net.metadata.features


def test_figures_are_taken_on_the_validation_part_beside_persistence(plan, series_csv):
    values = np.array([float(line.split(",")[1]) for line in series_csv.read_text().split()[1:]])

    result = train(changed(plan, epochs=1))

    kept = values[80:]
    steps = kept[8:] - kept[7:-1]
    assert result.part == "validation"
    assert result.baseline_figures["mse"] == pytest.approx(np.mean(steps**2))


def test_without_validation_the_figures_say_that_they_are_of_training(plan):
    result = train(changed(plan, val=0.0))

    assert result.part == "training"
    assert result.best_epoch == 3


def test_labels_are_compared_with_the_majority_class(plan):
    result = train(changed(plan, target=("way",), epochs=12))

    assert result.baseline == "majority class"
    assert result.figures["accuracy"] > result.baseline_figures["accuracy"]
    assert (result.path / "confusion.png").stat().st_size > 5_000


@pytest.mark.parametrize("per_step", [False, True])
def test_sequences_train_from_an_archive(per_step, rng, folder):
    x = rng.standard_normal((30, 6, 2))
    y = np.cumsum(x[..., 0], axis=1) > 0
    np.savez(folder / "sums.npz", x=x, y=y if per_step else y[:, -1])

    result = train(Plan("sums.npz", cell="gru", units=(8,), epochs=25, lr=2e-2))

    assert result.figures["accuracy"] > 0.75 > result.baseline_figures["accuracy"]


def test_the_newest_run_is_found_by_its_own_record(plan):
    first, second = train(plan).path, train(plan).path
    record = first / "run.toml"
    # written last, although it was started first
    record.write_text(record.read_text())

    assert newest_run() == second


def test_a_run_without_weights_is_not_the_newest(plan):
    done = train(plan).path
    start(plan)

    assert newest_run() == done


def test_numbers_increase_and_no_run_is_overwritten(plan):
    first = train(plan).path
    before = {path.name: path.read_bytes() for path in first.iterdir()}

    second = train(plan).path

    assert (first.name, second.name) == ("wave-gru-1", "wave-gru-2")
    assert {path.name: path.read_bytes() for path in first.iterdir()} == before
    with pytest.raises(
        UsageError, match=r"a run needs a new or empty folder, but .* already exists"
    ):
        start(plan, first)


def test_a_run_goes_where_it_is_told(plan, folder):
    result = train(plan, out="here/mine")

    assert (folder / "here" / "mine" / "best.safetensors").is_file()
    assert newest_run("here") == result.path


def test_a_break_leaves_a_run_that_can_be_used(plan):
    run = start(changed(plan, epochs=50))
    for epoch in run:
        if epoch.number == 2:
            break

    result = run.finish()

    assert len(run.epochs) == 2
    assert torch.equal(load_run(run.path).dense.weight, run.net.dense.weight)
    assert result.best_epoch in (1, 2)


def test_a_diverging_run_keeps_its_last_good_weights_on_the_disk(plan):
    run = start(plan)

    with pytest.raises(TrainingError, match=r"E_DIVERGED: .* in epoch 2, step 1: "):
        for _ in run:
            torch.nn.init.constant_(run.net.dense.weight, 1e38)

    assert len(run.epochs) == 1
    assert all(value.isfinite().all() for value in load_run(run.path).state_dict().values())


def test_the_number_of_threads_is_given_back(plan):
    torch.set_num_threads(2)

    train(changed(plan, epochs=1))

    assert torch.get_num_threads() == 2


def test_there_is_no_newest_run_in_an_empty_folder():
    with pytest.raises(UsageError, match=r"there is no run in runs/. Train one with: seqrt train"):
        newest_run()


def test_a_folder_that_is_no_run_is_refused(folder):
    with pytest.raises(
        UsageError, match=r"must be a run folder .*, but .*best.safetensors does not exist"
    ):
        load_run(folder)


@pytest.fixture
def weights_file(network, tmp_path):
    save_weights(network("lstm"), tmp_path)
    return tmp_path / "best.safetensors"


@pytest.mark.parametrize("length", [0, 5, 8, 100, 2000, -1])
def test_cut_weights_are_refused(length, weights_file):
    weights_file.write_bytes(weights_file.read_bytes()[:length])

    with pytest.raises(
        ModelError, match=r"E_RUN_DAMAGED: .*best.safetensors must hold the weights"
    ):
        load_run(weights_file)


def test_weights_of_another_program_are_refused(weights_file):
    from safetensors.torch import save

    weights_file.write_bytes(save({"w": torch.zeros(3)}))

    with pytest.raises(ModelError, match="E_RUN_DAMAGED"):
        load_run(weights_file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda h: h.update(format=3),
            "E_MODEL_VERSION: .* has format 3; this seqrt reads up to 2",
        ),
        (lambda h: h["architecture"].update(cell="elman"), "cell must be one of rnn, lstm, gru"),
        (lambda h: h["architecture"].update(units=[9]), "E_RUN_DAMAGED"),
        (lambda h: h["architecture"].update(features=10**9), "its header contradicts itself"),
        (lambda h: h["about"].pop("task"), "E_RUN_DAMAGED"),
        (lambda h: h["about"].update(features=3), "E_RUN_DAMAGED"),
    ],
    ids=["format", "cell", "units", "huge", "missing", "type"],
)
def test_a_header_without_sense_is_refused(change, message, weights_file):
    from safetensors.torch import load, save

    data = weights_file.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["seqrt"])
    change(header)
    weights_file.write_bytes(save(load(data), {"seqrt": json.dumps(header)}))

    with pytest.raises(ModelError, match=message):
        load_run(weights_file)


def test_nothing_in_a_weights_file_is_unpickled(weights_file):
    data = weights_file.read_bytes()

    assert b"pickle" not in data
    assert data[8:9] == b"{"


def test_a_device_that_is_not_there_is_refused_before_the_data_is_read():
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")

    with pytest.raises(DeviceError, match="E_DEVICE: device 'cuda' is not available"):
        start(Plan("nowhere.csv", device="cuda"))
    with pytest.raises(UsageError, match="device must be cpu, cuda, cuda:NUMBER or auto, got 'np"):
        start(Plan("nowhere.csv", device="npu"))


def test_data_that_is_not_there_leaves_no_folder(folder):
    with pytest.raises(InputError, match="E_INPUT_FILE"):
        start(Plan("nowhere.csv"))

    assert not (folder / "runs").exists()


def test_a_folder_that_cannot_be_made_is_an_output_error(plan, folder):
    (folder / "taken").write_text("a file")

    with pytest.raises(OutputError, match="cannot create the folder taken/run"):
        start(plan, "taken/run")


def test_training_cuda_and_cpu_agree(plan):
    if not torch.cuda.is_available():
        pytest.skip("this machine has no CUDA device")

    on_cpu, on_cuda = (train(changed(plan, device=name)) for name in ("cpu", "cuda"))

    assert on_cuda.figures["mse"] == pytest.approx(on_cpu.figures["mse"], rel=0.05)
