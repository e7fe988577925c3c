"""Rebuild tests/runtime/nets: small proved files of every kind, for tests without torch.

    python tools/build_test_nets.py

The weights are random. An export fails if parity or a law does. The networks in nets/missing have
a policy for missing values, and those in nets/encoded read columns of every kind. Those in
nets/format2 are built by hand, from tests/format2_nets.py, but for a forecaster and two networks
with small weights, and those in nets/forecast are those of tests/forecasters.py. The network in
nets/text is a language model.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import forecasters
import format2_nets

from seqrt.contract import Column, Input, TimeColumn
from seqrt.contract.text import Text
from seqrt.export import export
from seqrt.training import Network
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.networks.metadata import Metadata

NETS = Path(__file__).parent.parent / "tests" / "runtime" / "nets"
FEATURES = (
    Column("speed", "m/s", mean=12.0, scale=4.0, low=0.0, high=30.0),
    Column("load", "kN", mean=-1.0, scale=0.5, low=-2.5, high=0.5),
)
OUTPUTS = (Column("wear", "mm", mean=3.0, scale=2.0), Column("heat", "K", mean=300.0, scale=20.0))


def build(name: str, **architecture: Any) -> None:
    """Export one network with random weights in raw units."""
    torch.manual_seed(7)
    net = Network(**{"features": 2, "units": (6, 4), "outputs": 2, **architecture})
    about = replace(net.metadata, name=name, features=FEATURES, seed=7)
    if net.activation == "none":
        net.set_scaling(FEATURES, OUTPUTS)
        about = replace(about, outputs=OUTPUTS)
    else:
        about = replace(about, classes=("calm", "rough") if net.activation == "softmax" else ())
    net.metadata = about
    exported = export(net, NETS / f"{name}.onnx")
    print(f"{name}: {exported.size:,} bytes, exact: {exported.report.exact}")


def build_encoded(name: str, inputs: tuple[Input, ...], **options: Any) -> None:
    """Export a network with random weights that forecasts from columns of every kind."""
    torch.manual_seed(7)
    names = [feature for each in inputs for feature in each.names]
    net = Network("gru", len(names), (6,), 1, **options)
    net.metadata = Metadata(
        task="forecast",
        features=tuple(Column(feature, low=-1.0, high=1.0) for feature in names),
        outputs=(Column("sales+1", low=0.0, high=1.0),),
        name=name,
        targets=("sales",),
        window=3,
        horizon=1,
        seed=7,
        inputs=inputs,
        series=("store",),
        time=TimeColumn("day", "iso", "1 day"),
    )
    exported = export(net, NETS / "encoded" / f"{name}.onnx")
    print(f"{name}: {exported.size:,} bytes, exact: {exported.report.exact}")


def build_forecaster() -> None:
    """Export a forecaster with random weights, windows, a linear part and three quantiles."""
    torch.manual_seed(7)
    net = Forecaster(
        features=2,
        target=1,
        horizon=5,
        season=4,
        seasons=4,
        level_window=8,
        units=3,
        answers=(0.1, 0.5, 0.9),
        missing="indicator",
    )
    net.linear.normal_(0, 0.1)
    net.share.fill_(0.5)
    net.metadata = replace(net.metadata, name="forecaster", seed=7)
    export(net, NETS / "format2" / "forecaster.onnx")


def build_small_weights() -> None:
    """Export a network with fp16 weights and one with int8 weights, random ones in raw units."""
    torch.manual_seed(7)
    for weights, options in (
        ("fp16", {"cell": "lstm", "head": "last"}),
        ("int8", {"cell": "gru", "head": "sequence", "missing": "forward"}),
    ):
        net = Network(features=2, units=(8, 6), outputs=2, **options)
        net.set_scaling(FEATURES, OUTPUTS)
        net.metadata = replace(net.metadata, name=weights, features=FEATURES, outputs=OUTPUTS)
        export(net, NETS / "format2" / f"{weights}.onnx", weights=weights)


def build_language_model() -> None:
    """Export a language model with random weights, for which the bytes 0 to 7 are impossible."""
    torch.manual_seed(7)
    text = Text("bytes", 8)
    shape = {"head": "sequence", "activation": "softmax", "tokens": text.size, "embedding": 8}
    net = Network("gru", 1, (16,), 256, **shape)
    with torch.no_grad():
        net.dense.weight *= 12
        net.dense.bias[:8] = -1000
    classes = tuple(range(256))
    about = replace(net.metadata, name="bytes", task="generate", text=text, classes=classes)
    net.metadata = replace(about, seed=7)
    export(net, NETS / "text" / "bytes.onnx")


def main() -> None:
    """Build every cell in every shape, and one network per activation and option."""
    for folder in ("missing", "encoded"):
        (NETS / folder).mkdir(parents=True, exist_ok=True)
    for cell, both, head in product(("rnn", "lstm", "gru"), (False, True), ("last", "sequence")):
        way = "bidirectional-" if both else ""
        build(f"{cell}-{way}{head}", cell=cell, bidirectional=both, head=head)
    build("gru-norm-classes", cell="gru", layer_norm=True, activation="softmax")
    build("lstm-norm-labels", cell="lstm", layer_norm=True, head="sequence", activation="sigmoid")
    build("rnn-relu", cell="rnn", nonlinearity="relu")
    residual = {"units": (4, 4, 4), "residual": True}
    build("lstm-residual", cell="lstm", **residual)
    build("gru-bidirectional-residual", cell="gru", bidirectional=True, layer_norm=True, **residual)
    build("mingru-sequence", cell="mingru", head="sequence")
    build("mingru-residual", cell="mingru", **residual)
    for cell, head in (("rnn", "last"), ("lstm", "last"), ("gru", "sequence")):
        build(f"missing/{cell}-forward", cell=cell, head=head, missing="forward")
    both = {"bidirectional": True, "head": "sequence"}
    build("missing/lstm-bidirectional-forward", cell="lstm", missing="forward", **both)
    build("missing/rnn-mean", cell="rnn", head="sequence", missing="mean")
    build("missing/gru-indicator", cell="gru", missing="indicator")
    (NETS / "format2").mkdir(exist_ok=True)
    for name, make in format2_nets.NETS.items():
        (NETS / "format2" / f"{name}.onnx").write_bytes(make())
    build_forecaster()
    build_small_weights()
    for folder in ("forecast", "text"):
        (NETS / folder).mkdir(exist_ok=True)
    build_language_model()
    for name, forecaster in forecasters.NETS.items():
        export(forecaster(), NETS / "forecast" / f"{name}.onnx")
    columns = (
        Input("meter", offset=10**9),
        Input("open", "boolean"),
        Input("weekday", "category", levels=("Fri", "Thu")),
        Input("day", "calendar", cycle="hour"),
        Input("promo", ahead=1),
    )
    build_encoded("shop", columns)
    build_encoded("shop-forward", columns, missing="forward")
    build_encoded("codes", (Input("code", "category", levels=("3", "12")), Input("meter")))


if __name__ == "__main__":
    main()
