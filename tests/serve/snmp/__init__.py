"""Tests of ``/snmp``."""
