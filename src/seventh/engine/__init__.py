"""What happens with targets: check now; later watch, compare, advise."""
