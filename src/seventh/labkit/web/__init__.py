"""A small reference server for all versions of HTTP, with selectable faults."""
