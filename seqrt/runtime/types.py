"""Array types for annotations: imported for type checking alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Lengths = NDArray[np.int32]
Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]
