"""What a plan leaves open is told from the data, and the record says what was taken."""

from __future__ import annotations

import pytest

from seqrt import UsageError
from seqrt.training import Plan


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
def test_few_batches_are_passed_over_until_there_are_500_steps(given, epochs, patience):
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
def test_first_weights_remember_where_there_is_much_to_remember(given, init, memory):
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
def test_first_weights_that_make_no_sense_are_refused(given, message):
    with pytest.raises(UsageError, match=message):
        Plan("sine-mix", **given)
