"""What each ATen operator is in lissom ops, one file a family. Importing this package fills the registry.

A translation takes the operator's arguments in order, tensors and symbolic sizes as values, and returns detached ops;
the caller names them, says where they come from and puts them into the graph.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
