"""Where values lie in memory: who shares it, how far apart pixels are, and the plan of the arena."""
