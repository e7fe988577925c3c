"""Missing values in training: the policies, and columns measured on the observed values."""

from __future__ import annotations

from dataclasses import asdict
from itertools import product

import numpy as np
import pytest
import reference
import torch

from seqrt.errors import InputError, UsageError
from seqrt.training import Plan, fit, prepare
from seqrt.training.inputs.batches import all_logits
from seqrt.training.inputs.examples import Examples, unlabelled
from seqrt.training.loop.steps import TailMicroBatch
from seqrt.training.runs.memory import typical_series
from seqrt.training.runs.weights import load_run, save_weights

POLICIES = ["forward", "mean", "indicator"]
CELLS = ["rnn", "lstm", "gru"]


@pytest.fixture
def gaps(rng):
    """Forty sequences of 1 to 20 steps of two features, far from zero, a third of it missing."""
    rows = [300 + 50 * rng.standard_normal((t, 2)) for t in rng.integers(1, 21, 40)]
    for row in rows:
        row[rng.random(row.shape) < 0.35] = np.nan
    return [row.astype(np.float32) for row in rows]


def truth(net, x):
    arrays = {name: value.numpy() for name, value in net.state_dict().items()}
    architecture = asdict(net.architecture)
    return np.concatenate([reference.network(arrays, architecture, row[None])[0] for row in x])


@pytest.mark.parametrize(
    ("cell", "missing", "both"), list(product([*CELLS, "mingru"], POLICIES, (False, True)))
)
def test_a_padded_batch_obeys_the_equations(cell, missing, both, network, gaps):
    net = network(cell, 2, (5, 4), 1, missing=missing, bidirectional=both).eval()
    net.x_mean.fill_(300.0)
    net.x_scale.fill_(50.0)

    with torch.no_grad():
        got = all_logits(net, unlabelled(gaps, "last")).numpy()

    np.testing.assert_allclose(got, truth(net, gaps), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("cell", "missing"), list(product(CELLS, POLICIES)))
@pytest.mark.parametrize("numbers", [1, 40 * 5 * 3])
def test_pieces_of_any_length_read_what_the_whole_does(cell, missing, numbers, network, gaps):
    net = network(cell, 2, (5, 4), 1, missing=missing).eval()
    data = unlabelled(gaps, "last")

    whole, pieces = all_logits(net, data), all_logits(net, data, numbers=numbers)

    torch.testing.assert_close(pieces, whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("missing", POLICIES)
@pytest.mark.parametrize("steps", [1, 3, 20])
def test_a_truncated_tail_begins_with_what_was_known_before_it(missing, steps, network, gaps):
    net = network("gru", 2, (5, 4), 1, missing=missing).eval()
    data = Examples.of(gaps, torch.zeros(len(gaps), 1), "last")

    with torch.no_grad():
        tail, _ = TailMicroBatch(data, torch.arange(len(gaps)), 0.0, steps).forward(net)

    torch.testing.assert_close(tail, all_logits(net, data), rtol=0, atol=1e-5)


@pytest.mark.parametrize("missing", POLICIES)
def test_training_cut_in_time_reads_what_training_whole_does(missing, network, gaps):
    y = [np.nan_to_num(row[:, :1], nan=300.0) for row in gaps]
    nets = [network("gru", 2, (5,), 1, head="sequence", missing=missing) for _ in range(2)]

    losses = [
        [epoch.loss for epoch in fit(net, gaps, y, epochs=2, batch_size=16, lr=1e-3, tbptt=tbptt)]
        for net, tbptt in zip(nets, (None, 20), strict=True)
    ]

    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize(("cell", "missing"), list(product(CELLS, POLICIES)))
def test_it_learns_from_data_with_gaps(cell, missing, network, gaps):
    net = network(cell, 2, (8,), 1, missing=missing)
    y = np.float32([np.nanmean(np.append(row[:, 0], 300.0)) for row in gaps])

    losses = [epoch.loss for epoch in fit(net, gaps, y, epochs=30, lr=1e-2)]

    assert losses[-1] < losses[0] / 2


def test_noise_leaves_gaps_where_they_are(network, gaps):
    net = network("gru", 2, (4,), 1, missing="mean")

    assert all(np.isfinite(e.loss) for e in fit(net, gaps, np.ones(40), epochs=2, noise=0.5))


def test_a_network_without_a_policy_refuses_missing_values(network, gaps):
    with pytest.raises(InputError, match=r"^E_INPUT_NONFINITE: x must be finite; x\[item 0, step"):
        next(fit(network("gru", 2), gaps, np.ones(40)))


def test_a_policy_does_not_let_inf_in(network, gaps):
    gaps[7][0, 1] = np.inf

    with pytest.raises(InputError, match=r"x\[item 7, step 0, feature 1\] is inf"):
        next(fit(network("gru", 2, missing="mean"), gaps, np.ones(40)))


def test_columns_are_measured_over_what_was_observed(network, gaps):
    net = network("gru", 2, missing="forward")
    next(fit(net, gaps, np.arange(40.0)))

    flat = np.concatenate(gaps).astype(np.float64)
    for d, column in enumerate(net.metadata.features):
        seen = flat[~np.isnan(flat[:, d]), d]
        got = (column.mean, column.scale, column.low, column.high)
        assert got == pytest.approx((seen.mean(), seen.std(), seen.min(), seen.max()))


def test_a_feature_that_is_never_observed_is_an_error(network, gaps):
    for row in gaps:
        row[:, 1] = np.nan

    with pytest.raises(
        InputError, match=r"E_INPUT_MISSING: every column .* but 'x1' has only missing"
    ):
        next(fit(network("gru", 2, missing="mean"), gaps, np.ones(40)))


def test_the_policy_travels_with_the_weights(tmp_path, network):
    save_weights(network("gru", 3, missing="indicator"), tmp_path)

    assert load_run(tmp_path).architecture.missing == "indicator"


# Tables


@pytest.fixture
def gappy_csv(tmp_path):
    """A hundred rows of two numbers; b is missing in rows 1 to 3, 50 and 99, a in every tenth."""
    lines = [
        f"{'' if i % 10 == 9 else i},{'' if i in (0, 1, 2, 49, 98) else i % 7}" for i in range(100)
    ]
    path = tmp_path / "gaps.csv"
    path.write_text("\n".join(["a,b", *lines]) + "\n")
    return path


def test_gaps_are_an_error_without_a_policy_that_names_the_cell(gappy_csv):
    with pytest.raises(InputError, match=r"gaps\.csv, line 11, column 'a': .* --missing forward"):
        prepare(gappy_csv, target="a", features="a", window=4)


def test_windows_whose_answer_is_missing_are_left_out_and_counted(gappy_csv):
    problem = prepare(gappy_csv, target="b", window=4, val=0.2, missing="forward")
    part = problem.train

    assert part.left_out == 1  # the window whose target is in row 50
    assert len(part) == 80 - 4 - 1
    assert 50 not in part.when
    assert np.isfinite(part.y).all()
    assert np.isnan(part.x).any()


def test_persistence_says_the_last_value_that_was_known(gappy_csv):
    part = prepare(gappy_csv, target="b", window=4, missing="forward").train

    after_the_gap = part.when.tolist().index(51)
    assert part.known[after_the_gap] == 48 % 7


def test_a_window_before_the_first_value_of_its_target_is_left_out(gappy_csv):
    part = prepare(gappy_csv, target="b", window=2, missing="forward").train

    # row 3 has no target; row 4 has one, but no value of b before it
    assert part.when[0] == 5
    assert part.left_out == 3


def test_targets_to_regress_are_left_out_too_and_labels_are_an_error(gappy_csv, tmp_path):
    part = prepare(gappy_csv, task="regress", target="b", window=3, missing="mean").train
    assert part.left_out == 2

    with pytest.raises(InputError, match=r"E_INPUT_MISSING: .*line 2, column 'b'"):
        prepare(gappy_csv, task="classify", target="b", window=3, missing="mean")


def test_data_without_any_answer_is_an_error(tmp_path):
    lines = [f"{i},{i if i < 3 else ''}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b", *lines]) + "\n")

    with pytest.raises(InputError, match="E_INPUT_MISSING: a window needs a target value, but all"):
        prepare(tmp_path / "t.csv", target="b", features="a", window=4, missing="mean")


def test_a_column_is_measured_on_the_training_part_alone(gappy_csv):
    problem = prepare(gappy_csv, target="a", features="a", window=4, val=0.2, missing="mean")

    seen = np.array([i for i in range(80) if i % 10 != 9])
    column = problem.metadata.features[0]
    assert (column.mean, column.low, column.high) == (pytest.approx(seen.mean()), 0, 78)


def test_folds_join_what_was_left_out(gappy_csv):
    plan = Plan(str(gappy_csv), target=("b",), window=4, missing="mean", folds=4, fold=3)

    problem = plan.problem()

    assert problem.train.left_out == 1 + 1  # row 50 on one side of the fold, row 99 on the other
    assert np.isfinite(problem.train.y).all()
    assert np.isfinite(problem.validation.y).all()


def test_the_target_of_sequences_may_not_be_missing(tmp_path):
    y = np.zeros(20)
    y[4] = np.nan
    np.savez(tmp_path / "d.npz", x=np.zeros((20, 5, 1)), y=y)

    with pytest.raises(InputError, match=r"E_INPUT_NONFINITE: y must be finite; y\[item 0, row 4"):
        prepare(tmp_path / "d.npz", missing="mean")


def test_a_series_typical_of_windows_with_gaps_between_them_is_made_of_whole_ones(gappy_csv):
    part = prepare(gappy_csv, target="b", features="b", window=4, missing="forward").train

    series = typical_series(part)

    np.testing.assert_array_equal(series[:8, 0], np.ravel(np.asarray(part.x)[[0, 4], :, 0]))


@pytest.mark.parametrize("missing", POLICIES)
def test_a_plan_keeps_its_policy(gappy_csv, missing):
    plan = Plan(str(gappy_csv), target=("b",), window=4, missing=missing)

    assert Plan.of_record(plan.record()) == plan
    assert plan.network(plan.problem()).missing == missing


def test_an_unknown_policy_is_refused(gappy_csv):
    with pytest.raises(UsageError, match="missing must be one of error, forward, mean, indicator"):
        prepare(gappy_csv, target="b", missing="zero")
