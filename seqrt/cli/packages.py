"""The packages that seqrt can use: what each is for, and the extra that brings it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Package:
    """A package as pip names it, as Python imports it, its extra, and what needs it."""

    name: str
    module: str
    extra: str
    purpose: str

    @property
    def pip_line(self) -> str:
        """The command that installs it in a version that seqrt takes."""
        return f"pip install 'seqrt[{self.extra}]'" if self.extra else "pip install seqrt"


PACKAGES = (
    Package("numpy", "numpy", "", "everything"),
    Package("onnxruntime", "onnxruntime", "cpu", "running a model"),
    Package("typer", "typer", "cli", "the command line"),
    Package("rich", "rich", "cli", "showing progress"),
    Package("torch", "torch", "train", "training"),
    Package("onnx", "onnx", "train", "writing a model"),
    Package("safetensors", "safetensors", "train", "keeping weights"),
    Package("tomli-w", "tomli_w", "train", "keeping a configuration"),
    Package("matplotlib", "matplotlib", "train", "drawing"),
    Package("optuna", "optuna", "search", "searching"),
    Package("pyarrow", "pyarrow", "parquet", "reading .parquet"),
)
