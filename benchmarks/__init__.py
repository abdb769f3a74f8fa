"""lissom beside its peers, in one run. These are measurements, not tests: nothing here has a limit to keep."""
