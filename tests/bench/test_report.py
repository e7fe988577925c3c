"""The report of a race: consistent figures, as a table, a picture and plain values."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest

from seqrt.bench.picture import bench_figure, png
from seqrt.bench.report import FIGURES, BenchResult
from seqrt.bench.table import table, three_digits


def with_figures(report, **changed):
    """The report, with known figures for seqrt."""
    own = report.results["seqrt"]
    new = BenchResult(own.version, {**own.figures, **changed}, own.rounds)
    return dataclasses.replace(report, results={**report.results, "seqrt": new})


def test_figures_fit_together(report):
    work = report.work
    for result in report.results.values():
        f = result.figures
        assert f["step_p50_us"] <= f["step_p90_us"] <= f["step_p99_us"]
        for each in result.rounds:
            steps = each["uniform_steps_per_s"]
            assert steps == pytest.approx(each["uniform_sequences_per_s"] * work.steps)
            assert each["uniform_gflops"] == pytest.approx(1e-9 * steps * work.operations)
            assert each["ragged_of_product"] * report.product == pytest.approx(
                each["ragged_gflops"]
            )


def test_a_figure_is_the_median_of_its_rounds(report):
    for result in report.results.values():
        assert len(result.rounds) == 2
        for key, value in result.figures.items():
            assert value == pytest.approx(sum(each[key] for each in result.rounds) / 2)


def test_times_above_1_mean_that_seqrt_is_better(report):
    other = report.results["onnxruntime"].figures
    better = with_figures(
        report,
        cold_ms=other["cold_ms"] / 2,
        uniform_gflops=other["uniform_gflops"] * 3,
        loaded_mb=other["loaded_mb"] * 4,
    )

    assert better.times("onnxruntime", "cold_ms") == pytest.approx(2)
    assert better.times("onnxruntime", "uniform_gflops") == pytest.approx(3)
    assert better.times("onnxruntime", "loaded_mb") == pytest.approx(1 / 4)
    assert better.times("onnxruntime", "gained_mb") is None


def test_answers_of_both_are_compared(report):
    assert 0 <= report.difference < 1e-5


def test_rounds_are_compared_with_each_other(report):
    assert report.spread >= 1


def test_programs_get_every_figure_of_every_contender(report):
    record = json.loads(json.dumps(report.record()))

    assert set(record["contenders"]) == {"seqrt", "onnxruntime", "torch"}
    assert set(record["times_better"]) == {"onnxruntime", "torch"}
    for contender in record["contenders"].values():
        assert list(contender["figures"]) == list(FIGURES)
        assert len(contender["rounds"]) == 2
    assert record["work"]["ragged"]["steps"] == sum(map(len, report.work.ragged()))


def test_the_table_fits_a_terminal(report):
    lines = list(table(report))

    assert lines[0] == f"model     lstm-last ({report.path})"
    assert max(map(len, lines[1:])) <= 80
    heads = [line for line in lines if line and not line.startswith(" ")]
    assert any(line.startswith("one step of a stream") for line in heads)
    assert any(re.match(r"predict 1024 ragged, 1 to \d+ steps", line) for line in heads)


def test_what_cannot_be_measured_is_left_out_of_the_table(report):
    manifest = dataclasses.replace(
        report.manifest,
        layers=tuple(dataclasses.replace(p, bidirectional=True) for p in report.manifest.layers),
    )
    results = {
        name: BenchResult(
            each.version, {k: v for k, v in each.figures.items() if "_mb" not in k}, each.rounds
        )
        for name, each in report.results.items()
        if name != "torch"
    }
    changed = dataclasses.replace(report, manifest=manifest, results=results)

    page = "\n".join(table(changed))

    assert "bidirectional" in page
    assert "stream" not in page
    assert "memory" not in page
    assert "torch: not installed, skipped." in page
    assert changed.record()["contenders"]["seqrt"]["figures"]["loaded_mb"] is None


def test_the_picture_has_a_panel_for_each_kind_of_work(report):
    titles = [axes.get_title(loc="left") for axes in bench_figure(report).axes]

    assert titles[0] == "One step of a stream, us"
    assert len(titles) == len(set(titles)) == 6
    assert png(report).startswith(b"\x89PNG")


@pytest.mark.parametrize("dropped", ["step_", "loaded_"])
def test_the_picture_says_why_a_panel_is_empty(report, dropped):
    results = {
        name: BenchResult(
            each.version,
            {k: v for k, v in each.figures.items() if not k.startswith(dropped)},
            each.rounds,
        )
        for name, each in report.results.items()
    }

    texts = [
        t.get_text()
        for a in bench_figure(dataclasses.replace(report, results=results)).axes
        for t in a.texts
    ]

    why = {"step_": "none: bidirectional", "loaded_": "unknown on this system"}
    assert why[dropped] in texts


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0.00"),
        (7.312, "7.31"),
        (73.12, "73.1"),
        (731.2, "731"),
        (7312, "7,312"),
        (-3.1, "-3.10"),
    ],
)
def test_numbers_have_about_three_digits(value, shown):
    assert three_digits(value) == shown
