"""Fault drills: real processes under load, a fault at seeded moments, and a judgement. `python -m tests.drills`."""
