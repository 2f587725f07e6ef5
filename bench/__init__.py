"""Benchmarks: what Seventh costs, as ratios against a named peer measured in the same run.

``python -m bench [NAME…]`` prints tables; docs/benchmarks.md keeps them with the command and the
machine. A number of seconds means little on another machine, a ratio means the same on most.
"""
