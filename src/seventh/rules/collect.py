"""Finding the rules that a module declares or imports."""

from __future__ import annotations

from types import ModuleType

from seventh.rules.rule import AnyRule, Rule


def rules_of(module: ModuleType) -> tuple[AnyRule, ...]:
    """Every rule in the module's namespace, imported ones too, in the order of definition.

    A rule bound to two names counts once. Two different rules with one id are a ValueError: the id
    is what a person selects, explains and translates by.
    """
    found: dict[str, AnyRule] = {}
    for value in vars(module).values():
        if isinstance(value, Rule) and found.setdefault(value.id, value) is not value:
            raise ValueError(f"{module.__name__}: two rules are called {value.id}")
    return tuple(found.values())
