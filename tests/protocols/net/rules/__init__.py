"""Tests of the network's rules."""
