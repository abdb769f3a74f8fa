"""PyTorch out: a graph as a ``torch.fx.GraphModule`` that computes and trains like the module it came from."""

from lissom.backends.torch.builder import to_torch

__all__ = ["to_torch"]
