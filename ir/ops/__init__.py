"""One file an op. Importing this package loads them all, which fills :data:`lissom.ir.op.OPS`."""

from __future__ import annotations

import importlib
import pkgutil

from lissom.ir.op import OPS

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

# Every op can be imported from here: ``from lissom.ir.ops import Conv``.
globals().update(OPS)
__all__ = sorted(OPS)  # noqa: PLE0605
