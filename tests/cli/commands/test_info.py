"""`seqrt info`: the manifest of a model in words and in JSON."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
import torch

import seqrt
from seqrt.contract import MANIFEST_KEY, PROOF_KEY, Column, Input, TimeColumn, seal
from seqrt.export import export
from seqrt.training import Metadata, Network, chrono_initialise


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def forecaster():
    """A small forecaster of known names and ranges."""
    torch.manual_seed(0)
    about = Metadata(
        task="forecast",
        features=(Column("load", "kW", mean=50, scale=9, low=12, high=99.5),),
        outputs=(Column("load+1", "kW", mean=50, scale=9),),
        name="grid",
        window=24,
        horizon=1,
        data_sha256="ab" * 32,
        seed=3,
    )
    return export(Network("rnn", 1, (6, 4), 1, nonlinearity="relu"), "grid.onnx", about=about).path


@pytest.fixture
def classifier():
    """A small bidirectional classifier."""
    torch.manual_seed(0)
    about = Metadata(
        "classify", (Column("x0"),), (Column("down"), Column("up")), classes=("down", "up")
    )
    net = Network("gru", 1, (4,), 2, bidirectional=True, activation="softmax")
    return export(net, "moves.onnx", about=about).path


def line_of(name, page):
    """Return the text after a label."""
    return next(line[10:] for line in page.splitlines() if line[:10].strip() == name)


def test_it_says_what_the_model_is(run, forecaster):
    done = run("info", forecaster)

    assert (done.code, done.err) == (0, "")
    assert line_of("model", done.out).startswith("grid (grid.onnx, ")
    assert (
        line_of("task", done.out)
        == "forecast 1 step ahead from windows of 24 steps; raw units, after the last step"
    )
    assert line_of("layers", done.out) == "rnn relu 6"
    assert line_of("", done.out) == "rnn relu 4"
    assert line_of("streams", done.out) == "yes, with a state of 10 numbers"
    assert " of float64 for up to " in line_of("parity", done.out)
    assert line_of("origin", done.out).endswith("seed 3, data SHA-256 abababababababab")
    assert line_of("SHA-256", done.out) == seqrt.load(forecaster).digest


def test_it_says_what_goes_in_and_what_comes_out(run, forecaster):
    page = run("info", forecaster).out

    scaling = "mean 0, scale 1"
    assert line_of("features", page) == f"load [kW]: {scaling}, in training 12 to 99.5"
    assert line_of("outputs", page) == f"load+1 [kW]: {scaling}"


def test_it_says_what_becomes_of_the_columns_of_a_table(run):
    inputs = (
        Input("count", offset=1_000_000_000),
        Input("open", "boolean"),
        Input("open", "boolean", ahead=1),
        Input("sky", "category", levels=("fog",)),
        Input("day", "calendar", cycle="weekday"),
    )
    names = [name for each in inputs for name in each.names]
    about = Metadata(
        "forecast",
        tuple(map(Column, names)),
        (Column("count+1"),),
        window=3,
        horizon=1,
        inputs=inputs,
        series=("shop",),
        time=TimeColumn("day", step="1 day"),
    )
    path = export(Network("rnn", len(names), (2,), 1), "shops.onnx", about=about).path

    page = run("info", path).out

    assert (
        "series    told apart by shop\n"
        "time      day, in steps of 1 day\n"
        "columns   count: a number, less 1,000,000,000\n"
        "          open: 1 for true, 0 for false; known 1 row ahead\n"
        "          sky: one feature for each of fog and one for any other\n"
        "          day: sine and cosine of the weekday\n"
    ) in page
    assert page.count("\ntime ") == page.count("\nseries ") == 1


def test_a_column_known_in_many_rows_ahead_is_one_line(run):
    inputs = (Input("load"), *(Input("promo", ahead=ahead) for ahead in range(1, 4)))
    features = (Column("load"), *(Column(f"promo+{i}", mean=i, low=0, high=i) for i in (1, 2, 3)))
    outputs = tuple(Column(f"load+{i}") for i in (1, 2, 3))
    about = Metadata("forecast", features, outputs, window=3, horizon=3, inputs=inputs)
    path = export(Network("rnn", 4, (2,), 3), "shop.onnx", about=about).path

    page = run("info", path).out

    later = line_of("", page[page.index("features") :])
    assert later == "promo+1 to promo+3: mean 0, scale 1, in training 0 to 3"


def test_of_a_classifier_it_names_the_classes(run, classifier):
    page = run("info", classifier).out

    assert line_of("task", page) == "classify; a probability per class, after the last step"
    assert line_of("layers", page) == "gru 4, bidirectional"
    assert line_of("classes", page) == "down, up"
    assert line_of("streams", page).startswith("no")


def test_it_says_how_long_the_network_remembers_and_what_that_is_good_for(run, forecaster):
    page = run("info", forecaster).out

    memory = seqrt.load(forecaster).manifest.memory
    said = (
        f"forgets its initial state within {memory.steps} steps (median {memory.median}) on random"
        " inputs in the range of the training data, to 0.1 % of the output scale"
    )
    at = page.splitlines().index(f"memory    {said}")
    assert (
        page.splitlines()[at + 1]
        .strip()
        .startswith("push at least that many before relying on a stream")
    )
    largest = max(memory.gradient.norms)
    pairs = zip(memory.gradient.lags, memory.gradient.norms, strict=True)
    seen = [f"{norm / largest:.2g} at {lag}" for lag, norm in pairs if norm > largest / 1000]
    assert line_of("gradient", page).split(": ")[1].split(", ") == seen
    assert 3 < len(seen) < len(memory.gradient.lags)
    start = f"under 1 % of the largest from {memory.gradient.steps} steps back: "
    assert line_of("gradient", page).startswith(start)


def test_of_a_network_that_keeps_its_start_it_says_so(run):
    torch.manual_seed(0)
    net = Network("lstm", 1, (4,), 1)
    chrono_initialise(net, 10_000)
    export(net, "long.onnx")

    page = run("info", "long.onnx").out

    assert line_of("memory", page).startswith(
        "remembers its initial state for more than 1,000 steps ("
    )
    assert "start a stream at the start of its sequence, not mid-sequence\n" in page


def test_of_a_network_that_reads_both_ways_there_is_no_memory_to_name(run, classifier):
    page = run("info", classifier).out

    assert (
        line_of("memory", page)
        == "not measured: a bidirectional network reads each sequence from both ends"
    )


def test_of_an_older_file_it_says_nothing_of_memory(run, forecaster):
    graph = onnx.load(forecaster)
    records = {prop.key: prop.value for prop in graph.metadata_props}
    manifest = json.loads(records[MANIFEST_KEY])
    del manifest["memory"]
    older = {MANIFEST_KEY: json.dumps(manifest), PROOF_KEY: records[PROOF_KEY]}
    onnx.helper.set_model_props(graph, older)
    Path("older.onnx").write_bytes(seal(graph.SerializeToString(deterministic=True)))

    done = run("info", "older.onnx")

    assert (done.code, line_of("streams", done.out)) == (0, "yes, with a state of 10 numbers")
    assert "memory" not in done.out


def test_a_program_gets_the_manifest_in_json(run, forecaster):
    answer = json.loads(run("info", forecaster, "--json").out)

    model = seqrt.load(forecaster)
    assert answer == {
        "path": "grid.onnx",
        "sha256": model.digest,
        "sealed": True,
        "bytes": Path("grid.onnx").stat().st_size,
        **json.loads(model.manifest.to_json()),
    }


def test_the_newest_in_models_is_meant_where_none_is_named(run, forecaster):
    Path("models").mkdir()
    forecaster.rename("models/grid.onnx")

    done = run("info")

    assert done.err == "model: models/grid.onnx (the newest in models/)\n"
    assert line_of("model", done.out).startswith("grid (models/grid.onnx, ")


def test_without_a_model_it_says_how_to_make_one(run):
    done = run("info")

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("seqrt: there is no model in models/. Name one, or make one with:")


@pytest.mark.parametrize("content", [b"", b"not a model", None])
def test_what_is_no_model_is_exit_code_4(run, content):
    path = Path("some.onnx")
    path.mkdir() if content is None else path.write_bytes(content)

    done = run("info", path)

    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("seqrt: E_MODEL_")
    assert done.err.count("\n") == 1


def test_a_damaged_model_is_exit_code_4(run, forecaster):
    forecaster.write_bytes(forecaster.read_bytes()[:-1])

    assert run("info", forecaster)[:2] == (4, "")


def test_it_says_what_the_columns_of_the_table_become(run):
    shop = Path(__file__).parents[2] / "runtime" / "nets" / "encoded" / "shop.onnx"

    lines = run("info", shop).out.splitlines()

    first = lines.index("series    told apart by store")
    assert lines[first : first + 7] == [
        "series    told apart by store",
        "time      day, in steps of 1 day",
        "columns   meter: a number, less 1,000,000,000",
        "          open: 1 for true, 0 for false",
        "          weekday: one feature for each of Fri, Thu and one for any other",
        "          day: sine and cosine of the hour",
        "          promo: a number; known 1 row ahead",
    ]


def test_it_prints_a_configuration_for_triton(run, forecaster):
    outcome = run("info", forecaster, "--triton")

    assert outcome.code == 0
    assert 'platform: "onnxruntime_onnx"' in outcome.out
    assert outcome.out.endswith("}\n")


def test_it_prints_one_thing_at_a_time(run, forecaster):
    assert run("info", forecaster, "--triton", "--json").code == 2
