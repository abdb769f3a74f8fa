from __future__ import annotations

from lissom.ir.families.signal_windows import CosineWindow


class HammingWindow(CosineWindow):
    """y[n] = 25/46 - 21/46 cos(2 pi n / m), m = size, or size - 1 when not periodic."""

    coefficients = (25 / 46, -21 / 46)
