"""Options are given flat and kept in parts; what is left out is inferred and recorded."""

from __future__ import annotations

import copy
import pickle
import tomllib
from dataclasses import replace

import pytest
import tomli_w

from seqrt import UsageError
from seqrt.training import Plan, Recipe

# As every version of seqrt has written it: checkpoints hold a digest of these entries.
RECORD = """\
source = "sunspots.csv"
task = "forecast"
target = [
    "SUNACTIVITY",
]
features = [
    "SUNACTIVITY",
]
window = 10
horizon = 1
length = 7
span = [
    "1700",
    "",
]
val = 0.25
folds = 3
fold = 2
missing = "mean"
cell = "gru"
units = [
    6,
    4,
]
bidirectional = false
dropout = 0.1
layer_norm = false
nonlinearity = "relu"
init = "chrono"
memory = 9
epochs = 4
batch_size = 16
lr = 0.01
clip = 0.5
patience = 2
noise = 0.1
tbptt = 5
accumulate = 2
seed = 3
device = "cpu"
threads = 1
"""


def resolved(**options) -> Plan:
    plan = Plan("sine-mix", **{"window": 24, "batch_size": 32, **options})
    return plan.resolved(plan.problem())


@pytest.mark.parametrize(
    ("given", "epochs", "patience"),
    [
        ({}, 100, 25),
        ({"batch_size": 300}, 125, 32),
        ({"batch_size": 1200}, 500, 125),
        ({"epochs": 6}, 6, 2),
        ({"epochs": 6, "patience": 5}, 6, 5),
        ({"batch_size": 1200, "patience": 7}, 500, 7),
    ],
)
def test_small_data_is_trained_for_as_many_epochs_as_make_500_steps(given, epochs, patience):
    plan = resolved(**given)

    assert (plan.epochs, plan.patience) == (epochs, patience)


@pytest.mark.parametrize(
    ("given", "init", "memory"),
    [
        ({"window": 50}, "torch", None),
        ({"window": 51}, "chrono", 51),
        ({"window": 17, "memory": 99}, "chrono", 99),
        ({"window": 17, "init": "chrono"}, "chrono", 17),
        ({"window": 99, "init": "torch"}, "torch", None),
    ],
)
def test_long_sequences_start_with_weights_that_remember(given, init, memory):
    plan = resolved(**given)

    assert (plan.init, plan.memory) == (init, memory)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"init": "random"}, "init must be one of chrono, torch, got 'random'"),
        ({"memory": 0}, "memory must be a number of steps from 1, for init chrono, got 0"),
        ({"memory": 9, "init": "torch"}, "memory must be .* got 9 with init torch"),
    ],
)
def test_impossible_initial_weights_are_rejected(given, message):
    with pytest.raises(UsageError, match=message):
        Plan("sine-mix", **given)


# Options in parts


def test_options_are_given_and_read_flat():
    plan = Plan("sine-mix", cell="gru", units=(4,), epochs=5, noise=0.1, seed=3)

    assert (plan.cell, plan.units, plan.epochs, plan.noise, plan.seed) == ("gru", (4,), 5, 0.1, 3)
    assert (plan.architecture.cell, plan.recipe.epochs) == ("gru", 5)


def test_an_unresolved_option_reads_as_it_was_given():
    plan = Plan("sine-mix", lr="auto")

    assert (plan.epochs, plan.patience, plan.lr) == (None, None, "auto")
    assert plan.unresolved == {"epochs", "patience", "lr"}
    assert plan.recipe.lr == Recipe.lr  # until one is found


@pytest.mark.parametrize("make", [Plan.with_options, replace])
def test_a_changed_option_leaves_all_others(make):
    plan = Plan("sine-mix", cell="gru", epochs=5)

    changed = make(plan, fold=2, folds=3, lr=0.1, epochs=None)

    assert changed == Plan("sine-mix", cell="gru", fold=2, folds=3, lr=0.1)
    assert plan == Plan("sine-mix", cell="gru", epochs=5)


def test_a_whole_recipe_leaves_only_patience_unresolved():
    recipe = Recipe(epochs=5, lr=0.1)

    for plan in (Plan("sine-mix", recipe=recipe), Plan("sine-mix").with_options(recipe=recipe)):
        assert plan == Plan("sine-mix", epochs=5, lr=0.1)


def test_an_option_that_is_none_has_its_default():
    assert Plan.of_options("sine-mix", {"val": None, "lr": None, "cell": "gru"}) == Plan(
        "sine-mix", cell="gru"
    )


@pytest.mark.parametrize("name", ["learning_rate", "cells"])
def test_an_unknown_option_is_a_type_error(name):
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
        Plan("sine-mix", **{name: 1})
    with pytest.raises(AttributeError, match=f"no attribute '{name}'"):
        getattr(Plan("sine-mix"), name)


def test_a_plan_can_be_copied_pickled_and_hashed():
    plan = Plan("sine-mix", cell="gru", lr="auto")

    for twin in (copy.deepcopy(plan), pickle.loads(pickle.dumps(plan))):
        assert twin == plan
        assert hash(twin) == hash(plan)


def test_the_fold_draws_its_own_seed_and_the_data_stay_the_same():
    plan = Plan("sine-mix", folds=3, fold=2, seed=5)

    assert plan.with_options(fold=None).fold_recipe().seed == plan.seed == 5
    assert plan.fold_recipe().seed != 5
    assert plan.fold_recipe() == replace(plan.recipe, seed=plan.fold_recipe().seed)


# The record


def test_a_record_of_an_earlier_version_is_read_and_written_alike():
    record = tomllib.loads(RECORD)

    plan = Plan.of_record(record)

    assert tomli_w.dumps(plan.record()) == RECORD
    newer = {"start_from", "balance", "channels_first", "categories", "calendar", "future"}
    newer |= {"series", "time", "dates", "residual", "front", "pool", "embedding"}
    newer |= {"method", "season", "context", "levels", "floor", "text", "tokens", "min_count"}
    assert plan.options().keys() - newer == record.keys() - {"source"}
    assert (plan.span, plan.units) == (("1700", None), (6, 4))


def test_unresolved_options_are_not_in_the_record_except_for_an_automatic_rate():
    record = Plan("sine-mix", lr="auto").record()

    assert record["lr"] == "auto"
    assert record.keys().isdisjoint({"epochs", "patience", "task", "target", "threads"})
    assert Plan.of_record(record) == Plan("sine-mix", lr="auto")


@pytest.mark.parametrize("record", [{}, {"source": "a", "speed": 3}, {"source": "a", "lr": [1]}])
def test_a_record_that_is_no_plan_is_a_usage_error(record):
    with pytest.raises(UsageError, match=r"the plan in run.toml does not fit this seqrt"):
        Plan.of_record(record)


def test_several_files_are_recorded_as_a_list():
    plan = Plan(("logs/a.csv", "logs/b.csv"), cell="gru")

    record = tomllib.loads(tomli_w.dumps(plan.record()))

    assert record["source"] == ["logs/a.csv", "logs/b.csv"]
    assert Plan.of_record(record) == plan
