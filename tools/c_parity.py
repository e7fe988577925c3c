"""Measure the C of random networks against float64 referees, beside onnxruntime.

    python tools/c_parity.py [--cases 200] [--seed 0] [--compiler gcc] [--steps 60]

Draws networks of all kinds that stream (cells, norms, residuals, fronts, pools, policies for
missing values, heads), networks that read text, committees and forecasters, and takes the torch
modules of tests/; writes each as a model file and as C; compiles the C with warnings as errors and
with the address and undefined behaviour sanitizers; runs its golden cases; and compares its outputs
and its last state with the referees of tests/. Prints the worst errors of each kind. Exit code 1 if
a case fails, or if C is off by more than 8 times onnxruntime's own error + 1e-6 of the largest
value.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import c_programs
import forecast_reference
import foreign_nets
import posted_nets
import reference

from seqrt.contract import Column
from seqrt.contract.text import Text
from seqrt.errors import UsageError
from seqrt.export import export
from seqrt.export.small_weights.truth import solve
from seqrt.runtime import Model
from seqrt.runtime.proving.parity import allowed_error, largest, scaled_units
from seqrt.training import Network
from seqrt.training.networks.average import mean_of
from seqrt.training.networks.forecasting.forecaster import Forecaster

BATCH = 20
Array = Any


@dataclass
class Drawn:
    """A model file, an input (T, D) or ids (T,), and the true outputs and last state in float64."""

    kind: str
    content: bytes
    x: Array
    truth: Callable[[], tuple[Array, Array]]


@dataclass
class Worst:
    """The worst errors of one kind of network, in scaled units, and the used share of the bound."""

    cases: int = 0
    in_c: float = 0.0
    runtime: float = 0.0
    share: float = 0.0


def exported(net: torch.nn.Module) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return export(net, Path(folder) / "m.onnx").path.read_bytes()


def any_of(rng: np.random.Generator, *choices: Any) -> Any:
    return choices[rng.integers(len(choices))]


def options(rng: np.random.Generator, widest: int) -> dict[str, Any]:
    """Return random arguments of a network that streams."""
    units = tuple(int(n) for n in rng.integers(1, widest, rng.integers(1, 5)))
    same = len(units) > 1 and rng.random() < 0.3
    cell = any_of(rng, "lstm", "gru", "rnn", "mingru")
    return {
        "cell": cell,
        "features": int(rng.integers(1, 9)),
        "outputs": int(rng.integers(1, 6)),
        "units": units[:1] * len(units) if same else units,
        "residual": same,
        "nonlinearity": any_of(rng, "tanh", "relu") if cell == "rnn" else "tanh",
        "head": any_of(rng, "last", "sequence"),
        "missing": any_of(rng, "error", "forward", "mean", "indicator"),
        "front": any_of(rng, "", "", "conv:1", "conv:3", "conv:20x7", "segments:4"),
        "activation": any_of(rng, "none", "none", "softmax", "sigmoid"),
        "layer_norm": len(units) > 1 and rng.random() < 0.3,
        "pool": "last",
    }


def scaled(rng: np.random.Generator, net: Network) -> Network:
    """Give a network random scaling."""
    features, columns = net.config()["features"], []
    for i in range(features + net.config()["outputs"]):
        mean, scale = float(rng.normal() * 100), float(np.exp(rng.normal() * 3))
        columns.append(Column(f"c{i}", "", mean, scale, mean - 3 * scale, mean + 3 * scale))
    outputs = net.metadata.outputs
    if net.config()["activation"] == "none":
        outputs = tuple(columns[features:])
    net.metadata = replace(net.metadata, features=tuple(columns[:features]), outputs=outputs)
    net.set_scaling(net.metadata.features, outputs)
    return net.eval()


def of_stack(kind: str, rng: np.random.Generator, net: Network, steps: int) -> Drawn:
    config = net.config()
    x = rng.standard_normal((steps, config["features"])) * net.x_scale.numpy() + net.x_mean.numpy()
    if config["missing"] != "error":
        x[rng.random(x.shape) < 0.2] = np.nan
    x = x.astype(np.float32)
    arrays = {name: value.numpy() for name, value in net.state_dict().items()}

    def truth() -> tuple[Array, Array]:
        y, end = reference.network(arrays, config, x[None])
        return y[0], end[0]

    return Drawn(kind, exported(net), x, truth)


def stack(rng: np.random.Generator, steps: int) -> Drawn:
    chosen = options(rng, 100)
    if chosen["head"] == "last" and rng.random() < 0.3:
        chosen["pool"] = any_of(rng, "mean", "max")
    return of_stack("stacks", rng, scaled(rng, Network(**chosen)), steps)


def committee(rng: np.random.Generator, steps: int) -> Drawn:
    chosen = options(rng, 70) | {"layer_norm": False, "front": any_of(rng, "", "conv:3")}
    if chosen["front"]:
        chosen["missing"] = "error"
    nets = [Network(**chosen).eval() for _ in range(int(rng.integers(2, 6)))]
    return of_stack("committees", rng, mean_of(nets, nets[0].metadata), steps)


def forecaster(rng: np.random.Generator, steps: int) -> Drawn:
    three, nine = (0.1, 0.5, 0.9), (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
    season = int(any_of(rng, 1, 2, 7, 12))
    net = Forecaster(
        units=int(rng.integers(2, 40)),
        cell=any_of(rng, "gru", "lstm", "rnn"),
        season=season,
        seasons=int(rng.integers(2, 4)),
        level_window=2 * season,
        horizon=int(rng.integers(1, 20)),
        features=int(rng.integers(1, 4)),
        answers=any_of(rng, (0.5,), three, nine),
        missing=any_of(rng, "error", "forward", "indicator"),
    ).eval()
    with torch.no_grad():
        net.share.uniform_(0, 1)
        net.widen.uniform_(0.5, 2)
        net.correct.weight.normal_(0, 0.2)
        net.linear.normal_(0, 0.1)
        net.x_mean.fill_(-0.25)
        net.x_scale.fill_(4.0)
        net.y_mean.fill_(-0.25)
        net.y_scale.fill_(4.0)
    x = (rng.standard_normal((steps, net.architecture.features)).cumsum(0) * 3 + 20).astype("f4")
    if net.missing != "error":
        x[rng.random(x.shape) < 0.2] = np.nan
    arrays = {name: value.numpy() for name, value in net.state_dict().items()}

    def truth() -> tuple[Array, Array]:
        start = np.zeros((1, net.state_size))
        y, end = forecast_reference.batch(arrays, net.config(), x[None], np.array([steps]), start)
        return y[0], end[0]

    return Drawn("forecasters", exported(net), x, truth)


def reader(rng: np.random.Generator, steps: int) -> Drawn:
    """Return a network of words or bytes; some of its ids are outside the table."""
    chosen = options(rng, 70) | {"features": 1, "missing": "error", "front": ""}
    text = Text("bytes", int(rng.integers(1, 20)))
    if rng.random() < 0.7:
        words = {rng.bytes(int(rng.integers(1, 9))).hex() for _ in range(rng.integers(1, 300))}
        text = replace(text, kind="words", lower="ascii", vocabulary=tuple(sorted(words)))
    net = Network(**chosen, tokens=text.size, embedding=text.width).eval()
    net.metadata = replace(net.metadata, text=text)
    x = rng.integers(-1, text.size + 1, steps)
    arrays = {name: value.numpy() for name, value in net.state_dict().items()}

    def truth() -> tuple[Array, Array]:
        y, end = reference.network(arrays, net.config(), x[None, :, None])
        return y[0], end[0]

    return Drawn("text", exported(net), x, truth)


def imported(rng: np.random.Generator, steps: int) -> Iterator[Drawn]:
    """Yield the modules of the tests that stream."""
    nets = [case.net for case in foreign_nets.nets().values()]
    nets += [kind() for kind in posted_nets.RIGHT]
    for net in nets:
        content = exported(net)
        manifest = Model(content).manifest
        if not manifest.streamable:
            continue
        x = rng.standard_normal((steps, len(manifest.features))).astype(np.float32)
        if manifest.tokens:
            x = rng.integers(0, manifest.tokens, steps)

        def truth(content: bytes = content, m: Any = manifest, x: Array = x) -> tuple[Array, Array]:
            state, lengths = np.zeros((1, m.state_size)), np.array([len(x)], np.int32)
            y, end = solve(content, m, x[None], lengths, state, np.float64)
            return y[0], end[0]

        yield Drawn("imported", content, x, truth)


def all_cases(rng: np.random.Generator, count: int, steps: int) -> Iterator[Drawn]:
    """Yield the modules first, then networks of text, forecasters and committees, then stacks."""
    number = 0
    for drawn in imported(rng, steps):
        number += 1
        yield drawn
    for make, share in ((reader, 0.12), (forecaster, 0.12), (committee, 0.12), (stack, 1.0)):
        last = number + round(share * count) if share < 1 else count
        while number < last:
            try:
                yield make(rng, steps)
            except UsageError as error:
                print(f"drawn again: {error}", file=sys.stderr)
                continue
            number += 1


def compare(drawn: Drawn, y: Array, end: Array, worst: Worst) -> None:
    """Add the errors of one network to those of its kind."""
    model = Model(drawn.content).joined
    m = model.manifest
    by_runtime = model.run(drawn.x[None], np.array([len(drawn.x)]), any_ids=True)
    true_y, true_end = drawn.truth()
    got = y if m.head == "sequence" else y[-1:]
    only_last = np.array([h.head == "last" for h in m.heads for _ in range(h.outputs)], bool)
    if m.head == "sequence" and only_last.any():
        got = got.copy()
        got[:-1, only_last] = 0
    pairs = []
    for a, e in ((got, end), (by_runtime[0][0], by_runtime[1][0])):
        a, e = np.reshape(a, np.shape(true_y)), np.asarray(e, float)
        units = scaled_units(a, m.outputs) - scaled_units(true_y, m.outputs)
        pairs.append((largest(units), largest(e - true_end)))
    sizes = largest(scaled_units(true_y, m.outputs)), largest(np.asarray(true_end))
    for in_c, runtime, size in zip(*pairs, sizes, strict=True):
        share = in_c / allowed_error(runtime, size) if in_c else 0.0
        if not share <= 1:
            print(f"OFF: {drawn.kind} {m.name} {m.layers}: {in_c:.1e}, onnxruntime {runtime:.1e}")
        worst.in_c, worst.runtime = max(worst.in_c, in_c), max(worst.runtime, runtime)
        worst.share = max(worst.share, share if share == share else np.inf)
    worst.cases += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--compiler", default="gcc")
    chosen = parser.parse_args()
    torch.manual_seed(chosen.seed)
    torch.set_num_threads(1)
    cases = list(all_cases(np.random.default_rng(chosen.seed), chosen.cases, chosen.steps))
    found: dict[str, Worst] = {}
    failed = 0
    for at in range(0, len(cases), BATCH):
        batch = {f"m{at + i}": drawn for i, drawn in enumerate(cases[at : at + BATCH])}
        with tempfile.TemporaryDirectory() as folder:
            contents = {name: drawn.content for name, drawn in batch.items()}
            program = c_programs.Program(contents, folder, chosen.compiler)
            code, lines, error = program.prove()
            failed += code != 0
            print(*(line for line in lines if not line.endswith("holds")), error, sep="\n", end="")
            sizes = [
                (n, d.x, np.zeros(program.files[n].manifest.state_size)) for n, d in batch.items()
            ]
            for drawn, (y, end) in zip(batch.values(), program.steps(sizes), strict=True):
                compare(drawn, y, end, found.setdefault(drawn.kind, Worst()))
        print(f"{at + len(batch)} of {len(cases)}", file=sys.stderr)
    print(f"{'kind':14}{'networks':>9}{'C':>10}{'onnxruntime':>13}{'of the bound':>14}")
    for kind, worst in found.items():
        print(f"{kind:14}{worst.cases:9}{worst.in_c:10.1e}{worst.runtime:13.1e}{worst.share:13.0%}")
    return int(failed > 0 or any(not worst.share <= 1 for worst in found.values()))


if __name__ == "__main__":
    raise SystemExit(main())
