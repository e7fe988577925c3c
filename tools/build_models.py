"""Rebuild models/: train, export with proof, and write each card.

    python tools/build_models.py [FOLDER OF SUNSPOTS.CSV]

The tutorial's networks learn a built-in series. The sunspots forecaster needs sunspots.csv (yearly,
1700 to 2008, columns YEAR and SUNACTIVITY) and is left as it is where no folder is named. Export
fails where parity or a law does, and then the script does.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from seqrt.contract.manifest import Cell
from seqrt.export import Exported, export
from seqrt.training import Plan, Result, load_run, train

MODELS = Path(__file__).parent.parent / "models"


@dataclass(frozen=True)
class Recipe:
    """One shipped model: its name, what it is for, its data in words, the plan, its command."""

    name: str
    what: str
    data: str
    plan: Plan
    command: str


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
    )
    return Recipe(
        "sunspots",
        "The yearly sunspot number, one year ahead, from the 24 years before.",
        "Yearly mean sunspot numbers, 1700 to 1920, public domain; the data is not shipped.",
        plan,
        "seqrt train sunspots.csv --target SUNACTIVITY --task forecast --window 24 --horizon 1"
        " --cell gru --span 1700:1920 --noise 0.2",
    )


def build(recipe: Recipe) -> None:
    """Train, export and describe one model."""
    with tempfile.TemporaryDirectory() as folder:
        result = train(recipe.plan, Path(folder) / recipe.name)
        net = load_run(result.path)
    net.about = replace(net.about, name=recipe.name)
    exported = export(net, MODELS / f"{recipe.name}.onnx")
    (MODELS / f"{recipe.name}.md").write_text(card(recipe, result, exported))
    print(f"{exported.path.name}: {exported.size:,} bytes, {exported.digest}")


def card(recipe: Recipe, result: Result, exported: Exported) -> str:
    """Return the card of a model, in Markdown."""
    m, parity = exported.manifest, exported.manifest.parity
    assert parity
    layers = " -> ".join(f"{layer.cell} {layer.units}" for layer in m.layers)
    size = f"{exported.size:,} bytes, format {m.format}, {m.producer}"
    far = f"{parity.runtime:.1e} from float64 over up to {parity.steps} steps"
    figures = "\n".join(
        f"| {name} | {value:.4g} | {result.baseline_figures[name]:.4g} |"
        for name, value in result.figures.items()
    )
    laws = "bit for bit" if exported.report.exact else "to rounding"
    return f"""# {recipe.name}

{recipe.what}

| | |
|---|---|
| data | {recipe.data} |
| command | `{recipe.command}` |
| network | {len(m.features)} -> {layers} -> {len(m.outputs)} |
| trained | seed {m.seed}, best in epoch {result.best_epoch} |
| file | {size} |
| parity | {far} (PyTorch: {parity.torch:.1e}) |
| laws | {len(exported.report.laws)}, {laws} |
| SHA-256 | `{exported.digest}` |
| licence | Apache-2.0 |

On the {result.part} part, in raw units, beside {result.baseline}:

| figure | network | {result.baseline} |
|---|---|---|
{figures}
"""


def main() -> None:
    """Build every model whose data is there."""
    build(tutorial("rnn", "SimpleRNN"))
    build(tutorial("lstm", "LSTM"))
    if len(sys.argv) > 1:
        build(sunspots(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
