"""Declaring, selecting, running and wording rules. Pure: facts in, verdicts out."""
