"""The engine is loaded when QUIC is spoken, not before."""

from __future__ import annotations

import subprocess
import sys


def test_nothing_of_the_engine_is_loaded_by_the_modules_around_it() -> None:
    code = (
        "import sys, seventh.net.quic.connect, seventh.net.quic.client, seventh.model.quicfacts;"
        "print([m for m in sys.modules if m.startswith(('aioquic', 'pylsqpack'))])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert said.stdout.strip() == "[]"
