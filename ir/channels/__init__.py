"""Where channels are and how they depend on each other: the ground of channel removal."""
