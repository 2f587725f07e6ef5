"""The only room that opens sockets: stopwatch, streams, datagrams, TLS, names, budgets."""
