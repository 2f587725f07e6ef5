"""The only package that opens sockets: stopwatch, streams, datagrams, TLS, names, budgets."""
