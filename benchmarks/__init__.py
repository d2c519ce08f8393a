"""Ours against the best that hand-written code does with the same rows and bytes, in the same run on the same machine.

`make bench` runs them all and writes `build/bench.json`. Nothing here passes or fails: figures are printed.
"""
