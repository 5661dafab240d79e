"""The use cases: what `run` and `backfill` do, in terms of ports alone."""
