"""Train on texts with all options left to seqrt: a language model, and texts with a label each.

    python tools/text_figures.py --book FILE [--seeds 1] [OPTION ...]
    python tools/text_figures.py --table FILE --text COLUMN --target COLUMN [--test FILE] [--plain]

A book is a .txt file; its last tenth is judged. Of a .csv table, the rows of --test are judged, or
else a fifth drawn from the seed. Each row of the output trains by `seqrt train` with the OPTIONs,
and those of a table also export the run and evaluate the file. --plain trains torch's own layers of
the same sizes on the same ids, for as many epochs, with Adam alone: no dropout and no validation.
The seconds of the processor are those of all processes and threads of a row.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import resource
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from side_by_side.command import seqrt


def main() -> int:
    """Print a row for each seed, and with --plain one beside it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--book", type=Path)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--text", default="text")
    parser.add_argument("--target", default="label")
    parser.add_argument("--test", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--plain", action="store_true")
    given, options = parser.parse_known_args()
    print("| data | seed | result | epochs | seconds | of the processor |")
    print("|---|---|---|---|---|---|")
    for seed in range(given.seeds):
        with tempfile.TemporaryDirectory() as folder:
            chosen = [*options, "--seed", str(seed), "--json", "-o", f"{folder}/run"]
            if given.book:
                report(given.book.name, seed, language_model, given.book, chosen)
            if given.table:
                data = parts(given.table, given.test, seed, Path(folder))
                chosen = ["--text", given.text, "--target", given.target, *chosen]
                report(given.table.name, seed, classifier, *data, chosen)
                if given.plain:
                    name = f"{given.table.name}, plain torch"
                    report(name, seed, plain, *data, Path(folder), given)
    return 0


def report(name: str, seed: int, measure: Callable[..., tuple[str, int]], *what: Any) -> None:
    """Print a row: the result of `measure`, its epochs, and the time that it takes."""
    began, spent = time.monotonic(), processor_seconds()
    result, epochs = measure(*what)
    seconds, spent = time.monotonic() - began, processor_seconds() - spent
    print(f"| {name} | {seed} | {result} | {epochs} | {seconds:.0f} | {spent:.0f} |", flush=True)


def processor_seconds() -> float:
    """Return the seconds of the processor that this process and its finished children took."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def language_model(book: Path, options: list[str]) -> tuple[str, int]:
    """Train on a book; return nats and bits a byte, those of the baselines, and the epochs."""
    found = json.loads(seqrt("train", str(book), *options))
    others = {found["baseline"]["name"]: found["baseline"]["figures"], **found["further_baselines"]}
    beside = ", ".join(f"{name} {each['nats per byte']:.3f}" for name, each in others.items())
    figures = found["figures"]
    nats, bits = figures["nats per byte"], figures["bits per byte"]
    return f"{nats:.4f} nats, {bits:.4f} bits ({beside})", found["epochs"]


def parts(table: Path, test: Path | None, seed: int, folder: Path) -> tuple[Path, Path]:
    """Return the files to train on and to judge by: those given, or a random fifth of the rows."""
    if test:
        return table, test
    with table.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    random.Random(seed).shuffle(rows)
    cut = len(rows) // 5
    for name, part in (("test", rows[:cut]), ("train", rows[cut:])):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *part])
    return folder / "train.csv", folder / "test.csv"


def classifier(train: Path, test: Path, options: list[str]) -> tuple[str, int]:
    """Train on a table and export; return the accuracy of the file on the other, and the epochs."""
    run = options[-1] = f"{options[-1]}-table"
    found, model = json.loads(seqrt("train", str(train), *options)), f"{run}.onnx"
    seqrt("export", run, "-o", model)
    judged = json.loads(seqrt("evaluate", str(test), "-m", model, "--json"))["figures"]
    return f"accuracy {judged['accuracy']:.4f}", found["epochs"]


def plain(train: Path, test: Path, folder: Path, given: Any) -> tuple[str, int]:
    """Train torch's layers of the sizes of a run on the ids of its file; return the same."""
    import numpy as np
    import torch
    from torch import nn

    import seqrt as package

    record = (folder / "run-table" / "run.toml").read_text(encoding="utf-8")
    plan, model = tomllib.loads(record)["plan"], package.load(folder / "run-table.onnx")
    classes = list(model.manifest.classes)
    torch.manual_seed(plan["seed"])
    embedding = nn.Embedding(model.manifest.tokens, plan["embedding"])
    cell = {"gru": nn.GRU, "lstm": nn.LSTM}[plan["cell"]]
    layers = cell(plan["embedding"], plan["units"][0], len(plan["units"]), batch_first=True)
    dense = nn.Linear(plan["units"][0], len(classes))
    net = nn.ModuleList([embedding, layers, dense])

    def read(path: Path) -> tuple[list[Any], Any]:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row[given.text]]
        ids = [torch.from_numpy(np.asarray(model.encode(row[given.text]))) for row in rows]
        return ids, torch.tensor([classes.index(row[given.target]) for row in rows])

    def logits(ids: list[Any]) -> Any:
        lengths = torch.tensor([len(row) for row in ids])
        h, _ = layers(embedding(nn.utils.rnn.pad_sequence(ids, batch_first=True)))
        return dense(h[torch.arange(len(ids)), lengths - 1])

    x, y = read(train)
    optimizer = torch.optim.Adam(net.parameters(), lr=plan["lr"])
    for _ in range(plan["epochs"]):
        for rows in torch.randperm(len(x)).split(plan["batch_size"]):
            optimizer.zero_grad()
            nn.functional.cross_entropy(logits([x[i] for i in rows]), y[rows]).backward()
            optimizer.step()
    x, y = read(test)
    with torch.no_grad():
        guesses = [logits([row]).argmax(1) for row in x]
    return f"accuracy {(torch.cat(guesses) == y).double().mean():.4f}", plan["epochs"]


if __name__ == "__main__":
    sys.exit(main())
