"""Tests of the limits of connections, learnt on the machine itself."""
