"""Rebuild models/: train, export with proof, and write each card.

    python tools/build_models.py [FOLDER OF SUNSPOTS.CSV]

The tutorial's networks learn a built-in series. The sunspots forecaster needs sunspots.csv (yearly,
1700 to 2008, columns YEAR and SUNACTIVITY) and is skipped if no folder is given. The script fails
if an export misses parity or breaks a law.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import seqrt
from seqrt.contract.manifest import Cell, Memory
from seqrt.data import Table, read
from seqrt.data.ordering.as_trained import as_trained
from seqrt.data.serving import labelled
from seqrt.export import Exported, export
from seqrt.metrics import measure
from seqrt.training import Plan, Result, load_run, train
from seqrt.training.runs.memory import load_series

MODELS = Path(__file__).parent.parent / "models"

# Errors on the yearly sunspots are given relative to the variance of these years.
SPAN_OF_VARIANCE = ("1700", "1979")


@dataclass(frozen=True)
class Recipe:
    """One shipped model: name, purpose, description of the data, plan, command.

    `unseen` is a span of years in the file that is kept from training and evaluated.
    """

    name: str
    what: str
    data: str
    plan: Plan
    command: str
    unseen: tuple[str, str] | None = None


def tutorial(cell: Cell, layer: str) -> Recipe:
    """Return the tutorial's stack of `cell`s on the Mackey-Glass series."""
    return Recipe(
        f"tutorial-{cell}",
        f"The tutorial's {layer}(64) -> {layer}(32) -> Dense(1) on windows of shape (10, 1):"
        " Adam, mean squared error, 100 epochs, batch 32.",
        "The built-in Mackey-Glass series (delay 17, 1,200 steps), computed, not measured.",
        Plan("mackey-glass", window=10, cell=cell),
        f"seqrt train mackey-glass --window 10 --cell {cell}",
    )


def sunspots(folder: Path) -> Recipe:
    """Return the forecaster of the yearly sunspot number."""
    plan = Plan(
        str(folder / "sunspots.csv"),
        task="forecast",
        target=("SUNACTIVITY",),
        window=24,
        horizon=1,
        cell="gru",
        span=("1700", "1920"),
        noise=0.2,
        folds=5,
    )
    return Recipe(
        "sunspots",
        "Forecasts the yearly sunspot number one year ahead from the 24 years before. It is the"
        " mean of five networks (GRU 64 -> GRU 32), each validated on a fifth of the years, written"
        " as one network.",
        "Yearly mean sunspot numbers, 1700 to 1920, public domain; the data is not shipped.",
        plan,
        "seqrt train sunspots.csv --target SUNACTIVITY --task forecast --window 24 --horizon 1"
        " --cell gru --span 1700:1920 --noise 0.2 --folds 5",
        unseen=("1921", "1955"),
    )


def build(recipe: Recipe) -> None:
    """Train and export one model, and write its card."""
    with tempfile.TemporaryDirectory() as folder:
        result = train(recipe.plan, Path(folder) / recipe.name)
        net, series = load_run(result.path), load_series(result.path)
    net.metadata = replace(net.metadata, name=recipe.name)
    exported = export(net, MODELS / f"{recipe.name}.onnx", series=series)
    (MODELS / f"{recipe.name}.md").write_text(card(recipe, result, exported))
    print(f"{exported.path.name}: {exported.size:,} bytes, {exported.digest}")


def card(recipe: Recipe, result: Result, exported: Exported) -> str:
    """Return the card of a model, in Markdown."""
    m, parity = exported.manifest, exported.manifest.parity
    assert parity
    assert m.memory
    layers = " -> ".join(f"{layer.cell} {layer.units}" for layer in m.layers)
    size = f"{exported.size:,} bytes, format {m.format}, {m.producer}"
    far = f"{parity.runtime:.1e} from float64 over up to {parity.steps} steps"
    laws = "bit for bit" if exported.report.exact else "to rounding"
    folds = recipe.plan.folds
    best = f"{folds} folds" if folds else f"best in epoch {result.best_epoch}"
    where = "out of fold" if folds else f"on the {result.part} part"
    text = f"""# {recipe.name}

{recipe.what}

| | |
|---|---|
| data | {recipe.data} |
| command | `{recipe.command}` |
| network | {len(m.features)} -> {layers} -> {len(m.outputs)} |
| training | seed {m.seed}, {best} |
| memory | {remembered(m.memory)} |
| file | {size} |
| parity | {far} (PyTorch: {parity.torch:.1e}) |
| laws | {len(exported.report.laws)}, {laws} |
| SHA-256 | `{exported.digest}` |
| licence | Apache-2.0 |

Metrics {where}, in raw units, next to {result.baseline}:

{table(result.figures, result.baseline, result.baseline_figures)}"""
    return text + judged(recipe, exported) if recipe.unseen else text


def remembered(memory: Memory) -> str:
    """Describe how long the network remembers its initial state."""
    if memory.more:
        return f"remembers its initial state for more than {memory.steps:,} steps"
    return f"forgets its initial state within {memory.steps:,} steps (median {memory.median:,})"


def judged(recipe: Recipe, exported: Exported) -> str:
    """Return the card's section on unseen years: the metrics of `seqrt evaluate`."""
    assert recipe.unseen
    m = exported.manifest
    data = read(recipe.plan.source)
    assert isinstance(data, Table)
    part = labelled(as_trained(data, m), m, span=recipe.unseen)
    known = data.span(*SPAN_OF_VARIANCE).numbers(recipe.plan.target)
    sides = []
    for said in (seqrt.load(exported.path).predict(part.x.arrays()), part.known):
        figures = measure(m.task, part.truth, said)
        name = f"mse/variance of {' to '.join(SPAN_OF_VARIANCE)}"
        sides.append(figures | {name: figures["mse"] / float(known.var())})
    return f"""
Metrics on {" to ".join(recipe.unseen)}, years not seen in training, next to persistence:

{table(sides[0], "persistence", sides[1])}"""


def table(network: dict[str, float], name: str, plain: dict[str, float]) -> str:
    """Return the metrics of a network next to those of the baseline `name`, in Markdown."""
    rows = "".join(
        f"| {key} | {value:.4g} | {plain[key]:.4g} |\n" for key, value in network.items()
    )
    return f"| metric | network | {name} |\n|---|---|---|\n{rows}"


def main() -> None:
    """Build every model whose data is available."""
    words = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    words.add_argument("data", nargs="?", type=Path, help="folder of sunspots.csv")
    data = words.parse_args().data
    build(tutorial("rnn", "SimpleRNN"))
    build(tutorial("lstm", "LSTM"))
    if data:
        build(sunspots(data))


if __name__ == "__main__":
    main()
