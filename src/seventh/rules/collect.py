"""Finding the rules of a room: all that the modules of its ``rules`` folder declare."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from seventh.rules.rule import AnyRule, Rule


def rules_of(module: ModuleType) -> tuple[AnyRule, ...]:
    """Collect the rules of a module or, at every depth, of a package; each once.

    Raises ValueError when two rules have the same id.
    """
    found: dict[str, AnyRule] = {}
    for each in _modules(module):
        for value in vars(each).values():
            if isinstance(value, Rule) and found.setdefault(value.id, value) is not value:
                raise ValueError(f"{module.__name__}: two rules have the id {value.id}")
    return tuple(found.values())


def _modules(module: ModuleType) -> list[ModuleType]:
    """Return the module and, of a package, its modules by name."""
    within = pkgutil.walk_packages(getattr(module, "__path__", ()), f"{module.__name__}.")
    return [module, *(importlib.import_module(name) for name in sorted(i.name for i in within))]
