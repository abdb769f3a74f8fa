"""PyTorch in: modules, exported programs and traced graph modules become graphs."""

from lissom.ir.importers.torch.importer import from_torch

__all__ = ["from_torch"]
