"""Source in, mutants out: each is one node of the syntax tree, changed. Pure.

What a test cannot be asked to see is left alone: annotations, docstrings and other prose, asserts
(they narrow types), the ``strict`` of ``zip`` and what FIPS alone asks for, examples of rules,
names in ``__slots__`` and ``__all__``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], ast.cmpop] = {
    ast.Lt: ast.LtE(), ast.LtE: ast.Lt(), ast.Gt: ast.GtE(), ast.GtE: ast.Gt(),
    ast.Eq: ast.NotEq(), ast.NotEq: ast.Eq(), ast.In: ast.NotIn(), ast.NotIn: ast.In(),
    ast.Is: ast.IsNot(), ast.IsNot: ast.Is(),
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], ast.operator] = {
    ast.Add: ast.Sub(), ast.Sub: ast.Add(), ast.Mult: ast.FloorDiv(), ast.Div: ast.Mult(),
    ast.FloorDiv: ast.Mult(), ast.Mod: ast.Mult(), ast.LShift: ast.RShift(),
    ast.RShift: ast.LShift(), ast.BitAnd: ast.BitOr(), ast.BitOr: ast.BitAnd(),
    ast.BitXor: ast.BitOr(),
}  # fmt: skip
_EMPTY = {
    "str": "''", "bytes": "b''", "int": "0", "float": "0.0", "tuple": "()", "list": "[]",
    "dict": "{}", "set": "set()", "frozenset": "frozenset()", "Sequence": "()", "Mapping": "{}",
}  # fmt: skip
"""What a function may return instead, by what it is annotated with."""
_PROSE = {
    "title", "evidence", "why", "fix", "references", "seed", "good", "bad",  # a rule's
    "help", "metavar", "description", "epilog", "doc",  # an option's
}  # fmt: skip
"""Keyword arguments that are words for people, or a rule's examples."""
_LARGE = 1000
"""From here on a number is doubled and halved; below it is moved by one."""
_TYPING = {"TypeVar", "NewType", "ParamSpec", "cast"}
_NAMES = {"__slots__", "__all__", "__match_args__"}


@dataclass(frozen=True)
class Mutant:
    """One change of one file. Offsets are in bytes; ``scope`` is the function that holds it."""

    line: int
    column: int
    start: int
    end: int
    old: str
    new: str
    kind: str
    scope: str
    inserted: str

    @property
    def change(self) -> str:
        """Both texts, each on one line."""
        return f"{_flat(self.old)} → {_flat(self.new)}"

    def applied(self, source: bytes) -> bytes:
        """Give the source with this change in it."""
        return source[: self.start] + self.inserted.encode() + source[self.end :]


def mutants(source: bytes, *, functions_only: bool = False) -> list[Mutant]:
    """List every mutant of a file, in the order of the source."""
    found = _Finder(source, functions_only)
    found.statements(ast.parse(source).body, ())
    return sorted(found.mutants, key=lambda mutant: (mutant.start, mutant.end, mutant.new))


def _flat(text: str) -> str:
    return " ".join(text.split())


class _Finder:
    """One walk over one file."""

    def __init__(self, source: bytes, functions_only: bool) -> None:
        self.source = source
        self.functions_only = functions_only
        self.mutants: list[Mutant] = []
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.scope: tuple[str, ...] = ()
        self.inside = False

    def statements(self, body: list[ast.stmt], scope: tuple[str, ...]) -> None:
        """Walk a block, without its docstrings."""
        outer, self.scope = self.scope, scope
        for statement in body:
            if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
                self.statement(statement)
        self.scope = outer

    def statement(self, node: ast.stmt) -> None:
        """Mutate a statement and what it holds."""
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.function(node)
            case ast.ClassDef():
                self.statements(node.body, (*self.scope, node.name))
            case ast.Import() | ast.ImportFrom() | ast.Assert() | ast.Global() | ast.Nonlocal():
                pass
            case ast.AnnAssign(value=value):
                self.expressions(value)
            case ast.Assign(targets=[ast.Name(id=name)]) if name in _NAMES:
                pass
            case ast.If(test=test) if _never_false(test):
                pass
            case _:
                self.change_statement(node)
                self.parts(node)

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Walk a function: its decorators, its defaults, its body."""
        if node.name == "__repr__" or any(
            ast.unparse(d) == "overload" for d in node.decorator_list
        ):
            return
        scope, inside = (*self.scope, node.name), self.inside
        outer, self.scope = self.scope, scope
        for part in (*node.decorator_list, *node.args.defaults, *node.args.kw_defaults):
            self.expressions(part)
        self.scope, self.inside = outer, True
        self.returns(node)
        self.statements(node.body, scope)
        self.inside = inside

    def parts(self, node: ast.AST) -> None:
        """Walk what a node holds, in its own order."""
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "type_params"}:
                continue
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.stmt):
                    self.statements([part], self.scope)
                elif isinstance(part, ast.expr):
                    self.expressions(part)
                elif isinstance(part, ast.AST):
                    self.parts(part)

    def expressions(self, node: ast.expr | None) -> None:
        """Mutate an expression and what it holds."""
        match node:
            case None | ast.JoinedStr():  # positions inside are wrong before Python 3.12
                return
            case ast.Call(func=ast.Name(id=name)) if name in _TYPING:
                return
            case ast.Subscript(value=ast.Name(id="Literal")):
                return
            case ast.Call():
                self.expressions(node.func)
                for argument in node.args:
                    self.expressions(argument)
                asserted = "strict" if ast.unparse(node.func) == "zip" else ""
                for keyword in node.keywords:
                    if keyword.arg not in {*_PROSE, asserted, "usedforsecurity"}:
                        self.expressions(keyword.value)
            case ast.Lambda():
                self.expressions(node.body)
            case _:
                self.change_expression(node)
                self.parts(node)

    # -- what is changed ---------------------------------------------------------------------

    def change_statement(self, node: ast.stmt) -> None:
        """Remove, force or swap a statement."""
        match node:
            case ast.Expr(value=ast.Call() | ast.Await(value=ast.Call())):
                self.add(node, "pass", "call removed")
            case ast.Break():
                self.add(node, "continue", "break")
            case ast.Continue():
                self.add(node, "break", "break")
            case ast.If(test=test):
                self.force(test)
            case ast.While(test=test):
                self.force(test, values=("False",))
            case ast.AugAssign(op=op) if type(op) in _ARITHMETIC:
                new = ast.AugAssign(node.target, _ARITHMETIC[type(op)], node.value)
                self.add(node, ast.unparse(new), "arithmetic")

    def change_expression(self, node: ast.expr) -> None:
        """Swap an operator, or give another constant."""
        match node:
            case ast.Compare():
                for at, op in enumerate(node.ops):
                    ops = [*node.ops[:at], _COMPARISONS[type(op)], *node.ops[at + 1 :]]
                    self.swap(node, ast.Compare(node.left, ops, node.comparators), "comparison")
            case ast.BoolOp(op=op, values=values):
                other = ast.Or() if isinstance(op, ast.And) else ast.And()
                self.swap(node, ast.BoolOp(other, values), "and/or")
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self.swap(node, operand, "not")
            case ast.BinOp(left=left, op=op, right=right):
                if type(op) in _ARITHMETIC and not self.certain_error(node):
                    self.swap(node, ast.BinOp(left, _ARITHMETIC[type(op)], right), "arithmetic")
            case ast.IfExp(test=test):
                self.force(test)
            case ast.Constant(value=value):
                self.constant(node, value)

    def certain_error(self, node: ast.BinOp) -> bool:
        """Whether another operator can only raise: texts joined, types united."""
        sides = (node.left, node.right)
        return (isinstance(node.op, ast.BitOr) and not self.inside) or any(
            isinstance(side, ast.JoinedStr)
            or (isinstance(side, ast.Constant) and isinstance(side.value, str | bytes | None))
            for side in sides
        )

    def constant(self, node: ast.Constant, value: object) -> None:
        """Move a number, change a text that is data, turn a truth value around."""
        match value:
            case bool():
                self.add(node, str(not value), "constant")
            case int() | float() if abs(value) >= _LARGE:  # one more or less is within its meaning
                self.add(node, repr(value * 2), "constant")
                self.add(node, repr(value // 2), "constant")
            case int() | float():
                self.add(node, repr(value + 1), "constant")
                if value != 0:
                    self.add(node, repr(value - 1), "constant")
            case (
                "utf-8" | "utf-8-sig" | "ascii" | "latin-1" | "idna"
            ):  # "idna_" is read as the same
                pass
            case str() if not any(letter.isspace() for letter in value):
                self.add(node, repr(value + "_"), "text")
            case bytes():
                self.add(node, repr(value + b"_"), "text")

    def returns(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Return another value of the kind that the function is annotated with."""
        kinds = function.returns and ast.unparse(function.returns)
        if not kinds:
            return
        first = kinds.split("[", 1)[0].split(" | ", 1)[0]
        outer, self.scope = self.scope, (*self.scope, function.name)
        for value in _returned(function):
            old = ast.unparse(value)
            if first == "bool" and not isinstance(value, ast.Constant | ast.Compare | ast.UnaryOp):
                self.add(value, f"not ({old})", "return")
            elif first in _EMPTY and old != _EMPTY[first]:
                self.add(value, _EMPTY[first], "return")
            if kinds.endswith("| None") and old != "None":
                self.add(value, "None", "return")
        self.scope = outer

    def force(self, test: ast.expr, values: tuple[str, ...] = ("True", "False")) -> None:
        """Have a condition be always true, and always false."""
        if any(isinstance(part, ast.NamedExpr) for part in ast.walk(test)):
            return  # the name would be unbound
        for value in values:
            if ast.unparse(test) != value:
                self.add(test, value, "condition")

    def swap(self, node: ast.expr, new: ast.expr, kind: str) -> None:
        """Put another expression in a node's place."""
        text = ast.unparse(new)
        self.add(node, text, kind, inserted=f"({text})")

    def add(self, node: ast.stmt | ast.expr, new: str, kind: str, inserted: str = "") -> None:
        """Note one mutant."""
        if self.functions_only and not self.inside:
            return
        assert node.end_lineno is not None and node.end_col_offset is not None
        start = self.starts[node.lineno - 1] + node.col_offset
        end = self.starts[node.end_lineno - 1] + node.end_col_offset
        old = self.source[start:end].decode()
        place = (node.lineno, node.col_offset + 1, start, end)
        scope = ".".join(self.scope)
        self.mutants.append(Mutant(*place, old, new, kind, scope, inserted or new))


def _never_false(test: ast.expr) -> bool:
    """Whether a condition belongs to the type checker, or to a file run by its name."""
    return any(
        isinstance(part, ast.Name) and part.id in {"TYPE_CHECKING", "__name__"}
        for part in ast.walk(test)
    )


def _returned(node: ast.AST) -> Iterator[ast.expr]:
    """Find what a function returns itself; the functions in it return their own."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Return):
            if child.value is not None:
                yield child.value
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _returned(child)
