"""HTTP's three versions as clients over our own streams and datagrams: one stopwatch for all."""
