"""How sharp the tests are: small faults put into copies of the source, one at a time.

``make mutate N=60 SEED=1 [STRATUM=rules]``, or ``python -m tests.mutate --help``.
"""
