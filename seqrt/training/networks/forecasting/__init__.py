"""The recurrent forecaster, and the parts that it is made of."""

from __future__ import annotations
