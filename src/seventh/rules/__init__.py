"""How a rule is declared, selected, run and put into words. Pure: facts in, verdicts out."""
