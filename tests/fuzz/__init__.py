"""Generated inputs in great number: ``python -m tests.fuzz NAME --inputs N --seed S``."""
