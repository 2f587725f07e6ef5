"""A small reference server for all versions of HTTP, with faults that can be switched on."""
