"""Small forecasters with known answers, for tests; tools/build_test_nets.py exports them.

They are written to tests/runtime/nets/forecast, so that tests without torch can open them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from statistics import NormalDist

import torch

from seqrt.contract import Column, Input, TimeColumn
from seqrt.contract.quantiles import output_names
from seqrt.training import Network
from seqrt.training.networks.metadata import Metadata

QUANTILES = (0.025, 0.1, 0.5, 0.9, 0.975)
STEPS = 3


def persistence(quantiles: tuple[float, ...] = QUANTILES, targets: int = 1) -> Network:
    """Return a network that forecasts the last value at every step, exactly.

    Its quantiles at step h are those of a random walk with steps of normal noise of deviation 1:
    the value + z sqrt(h). The cells compute relu(x) and relu(-x), whose difference is x.
    """
    names = ["sales", "price"][:targets]
    outputs = output_names(names, STEPS, quantiles)
    net = Network(
        "rnn", targets, (2 * targets,), len(outputs), nonlinearity="relu", head="sequence"
    )
    each = len(quantiles) or 1
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        state = net.state_dict()
        for k in range(targets):
            state["layers.0.cells.0.weight_ih_l0"][2 * k : 2 * k + 2, k] = torch.tensor([1.0, -1.0])
        for place in range(len(outputs)):
            step, k = place // (targets * each), place // each % targets
            state["dense.weight"][place, 2 * k : 2 * k + 2] = torch.tensor([1.0, -1.0])
            z = NormalDist().inv_cdf(quantiles[place % each]) if quantiles else 0.0
            state["dense.bias"][place] = z * (step + 1) ** 0.5
    net.metadata = Metadata(
        task="forecast",
        features=tuple(Column(name, low=-3.0, high=3.0) for name in names),
        outputs=tuple(map(Column, outputs)),
        name="persistence",
        targets=tuple(names),
        horizon=STEPS,
        seed=7,
        quantiles=quantiles,
    )
    return net


def shop() -> Network:
    """Return a network with random weights: sales, weekday, a size, a store and a known promo."""
    torch.manual_seed(7)
    inputs = (
        Input("sales", offset=10),
        Input("day", "calendar", cycle="weekday"),
        Input("size"),
        Input("store", "category", levels=("A", "B")),
        Input("promo"),
        Input("promo", ahead=1),
    )
    names = [name for each in inputs for name in each.names]
    net = Network("gru", len(names), (5,), 2, head="sequence")
    net.metadata = Metadata(
        task="forecast",
        features=tuple(Column(name, low=-1.0, high=1.0) for name in names),
        outputs=(Column("sales+1", low=0.0, high=1.0), Column("sales+2", low=0.0, high=1.0)),
        name="shop",
        targets=("sales",),
        horizon=2,
        seed=7,
        inputs=inputs,
        series=("store",),
        time=TimeColumn("day", "iso", "1 day"),
    )
    return net


def windowed() -> Network:
    """Return a network with random weights that forecasts two steps from windows of four rows."""
    torch.manual_seed(7)
    net = Network("gru", 1, (4,), 2)
    net.metadata = replace(
        net.metadata,
        task="forecast",
        features=(Column("sales", low=-1.0, high=1.0),),
        outputs=(Column("sales+1"), Column("sales+2")),
        targets=("sales",),
        window=4,
        horizon=2,
    )
    return net


NETS: dict[str, Callable[[], Network]] = {
    "persistence": persistence,
    "two-targets": lambda: persistence((0.1, 0.5, 0.9), targets=2),
    "shop": shop,
    "windowed": windowed,
}
