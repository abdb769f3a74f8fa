from __future__ import annotations

from lissom.ir.families.signal_windows import CosineWindow


class BlackmanWindow(CosineWindow):
    """y[n] = 0.42 - 0.5 cos(2 pi n / m) + 0.08 cos(4 pi n / m), m = size, or size - 1 when not periodic."""

    coefficients = (0.42, -0.5, 0.08)
