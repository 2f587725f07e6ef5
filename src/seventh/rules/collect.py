"""Finding the rules of a room: every one that a module of its ``rules`` folder declares."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from seventh.rules.rule import AnyRule, Rule


def rules_of(module: ModuleType) -> tuple[AnyRule, ...]:
    """Every rule in the module's namespace and, of a package, in its modules', at every depth.

    A rule bound to several names counts once. Two different rules with one id are a ValueError: the
    id is what a person selects, explains and translates by.
    """
    found: dict[str, AnyRule] = {}
    for each in _modules(module):
        for value in vars(each).values():
            if isinstance(value, Rule) and found.setdefault(value.id, value) is not value:
                raise ValueError(f"{module.__name__}: two rules are called {value.id}")
    return tuple(found.values())


def _modules(module: ModuleType) -> list[ModuleType]:
    """Return the module itself and, of a package, those within, by name."""
    within = pkgutil.walk_packages(getattr(module, "__path__", ()), f"{module.__name__}.")
    return [module, *(importlib.import_module(name) for name in sorted(i.name for i in within))]
