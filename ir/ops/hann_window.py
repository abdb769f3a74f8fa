from __future__ import annotations

from lissom.ir.families.signal_windows import CosineWindow


class HannWindow(CosineWindow):
    """y[n] = 0.5 - 0.5 cos(2 pi n / m), m = size, or size - 1 when not periodic."""

    coefficients = (0.5, -0.5)
