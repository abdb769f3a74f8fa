"""One inference by several threads: how calls are divided, and the C of a pool that computes the parts."""
