"""Tests of polling many agents."""
