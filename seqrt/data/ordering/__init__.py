"""A table put in order: its series, its times, missing steps, and times that come twice."""

from __future__ import annotations
