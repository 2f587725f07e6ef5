"""``python -m seventh``."""

from seventh.cli.main import run

if __name__ == "__main__":
    run()
