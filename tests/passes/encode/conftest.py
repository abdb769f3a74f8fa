"""The small problem of the tests of training."""

from tests.passes.train.conftest import net, test_data, train_data

__all__ = ["net", "test_data", "train_data"]
