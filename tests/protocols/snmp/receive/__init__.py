"""Tests of the receiver of notifications."""
