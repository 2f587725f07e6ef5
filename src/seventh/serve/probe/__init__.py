"""``/probe``: what blackbox_exporter measures, with its metric names, by its own blackbox.yml."""
