"""An artifact beside other engines, on one core, in one run: what ``lissom bench`` shows."""
