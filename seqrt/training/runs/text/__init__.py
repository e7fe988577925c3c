"""Runs of networks that read text: their defaults, and the metrics of language models."""

from __future__ import annotations
