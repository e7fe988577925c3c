"""Sizes that bound what reading data may cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReadLimits:
    """Sizes at which reading stops, or changes how it works.

    `unpacked`: bytes that a packed file (.npz, .parquet) may unpack to.
    `mapped`: bytes from which on the x of an .npz is mapped from the file instead of read.
    `numbers`: numbers of a mapped or long array that are processed at once (about 16 MB).
    """

    unpacked: int = 4 << 30
    mapped: int = 1 << 30
    numbers: int = 1 << 22


DEFAULT_LIMITS = ReadLimits()
