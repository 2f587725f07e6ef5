"""An emulated link between a program and its servers: delay, rate, loss, outages, NAT.

:mod:`way` and :mod:`path` decide what happens to each packet, and are pure; :mod:`carrier` moves
real packets by their decisions, between two network namespaces.
"""
