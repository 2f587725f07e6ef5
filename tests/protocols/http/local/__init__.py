"""Tests of the configurations of web servers, learnt on the machine itself."""
