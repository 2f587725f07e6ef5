"""Files for Prometheus and Grafana, made from the protocols' specs."""
