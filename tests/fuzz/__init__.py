"""Damaged input of every kind: mutated binlog bytes recorded from real servers, judged for answer, error, time, memory.

`./dev fuzz [--inputs N] [--seed N]` runs it; see `tests.fuzz.judge` for what is demanded of each input.
"""
