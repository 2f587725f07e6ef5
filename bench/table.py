"""A benchmark's result: a table with what it is held to."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Table:
    """One table. ``missed`` names each goal that was not met; empty when all were."""

    title: str
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        """Append a row."""
        assert len(cells) == len(self.columns), cells
        self.rows.append(cells)

    def hold(self, what: str, value: float, at_most: float) -> str:
        """The cell that tells a goal and whether it is met; a missed one is remembered."""
        met = value <= at_most
        if not met:
            self.missed.append(f"{what}: {value:.3g}, not ≤ {at_most:.3g}")
        return f"≤ {at_most:.3g}: {'met' if met else 'MISSED'}"

    def markdown(self) -> str:
        """The table as a page shows it."""
        head = ["| " + " | ".join(self.columns) + " |", "|---" * len(self.columns) + "|"]
        body = ["| " + " | ".join(row) + " |" for row in self.rows]
        notes = ["", *self.notes] if self.notes else []
        return "\n".join([f"**{self.title}**", "", *head, *body, *notes])

    def show(self) -> None:
        """Print the table on the terminal."""
        from rich.console import Console
        from rich.table import Table as Drawn
        from rich.text import Text

        drawn = Drawn(title=self.title, title_justify="left")
        for index, column in enumerate(self.columns):
            drawn.add_column(column, justify="left" if index == 0 else "right")
        for row in self.rows:
            drawn.add_row(*(Text(cell) for cell in row))
        console = Console()
        console.print(drawn)
        for note in self.notes:
            console.print(Text(f"  {note}", style="dim"))
