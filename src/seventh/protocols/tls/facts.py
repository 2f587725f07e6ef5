"""TLS's facts are the model's, because every room that stands on TLS carries them."""

from __future__ import annotations

from seventh.model.tlsfacts import Certificate, ChainProblem, TlsFacts

__all__ = ["Certificate", "ChainProblem", "TlsFacts"]
