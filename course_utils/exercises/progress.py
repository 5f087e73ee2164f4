"""The table that says how far a student is in a lesson."""

import re
import sys
from dataclasses import dataclass

from .base import Exercise
from .present import COLORS, CORRECT, QUIET, SMALL, SYMBOLS, frame, inline

FOOTER = "Each exercise counts with its latest check since the kernel started."


@dataclass(frozen=True)
class Table:
    """A lesson's exercises with the outcome of each one's latest check."""

    title: str
    rows: tuple[tuple[str, str], ...]

    @property
    def heading(self) -> str:
        done = sum(outcome == CORRECT for _, outcome in self.rows)
        return f"{self.title}: {done} of {len(self.rows)} exercises correct"

    def __repr__(self) -> str:
        width = max((len(name) for name, _ in self.rows), default=0)
        lines = [f"  {SYMBOLS[outcome]} {name:{width}}  {outcome}" for name, outcome in self.rows]
        return "\n".join([self.heading, *lines, f"  {FOOTER}"])

    def _repr_html_(self) -> str:
        cell = "padding:0.1em 1.2em 0.1em 0;text-align:left;background:transparent;border:0"
        rows = "".join(
            f'<tr style="background:transparent">'
            f'<td style="{cell}"><span style="color:{COLORS[outcome]}">{SYMBOLS[outcome]}</span></td>'
            f'<td style="{cell}"><code>{inline(name)}</code></td>'
            f'<td style="{cell}">{outcome}</td></tr>'
            for name, outcome in self.rows
        )
        return frame(
            QUIET,
            f"<div><strong>{inline(self.heading)}</strong></div>"
            f'<table style="margin:0.3em 0;border:0"><tbody>{rows}</tbody></table>'
            f'<div style="{SMALL}">{FOOTER}</div>',
        )


class Progress:
    """`progress = Progress(__name__)` at the end of a lesson's file; `ex.progress()` shows the table."""

    def __init__(self, module: str) -> None:
        self.module = module

    @property
    def exercises(self) -> dict[str, Exercise]:
        """The lesson's exercises by name, in the order in which its file makes them."""
        names = vars(sys.modules[self.module]).items()
        return {name: value for name, value in names if isinstance(value, Exercise)}

    def __call__(self) -> Table:
        number = re.search(r"\d+$", self.module)
        title = f"Lesson {int(number.group())}" if number else self.module
        return Table(title, tuple((name, exercise.outcome) for name, exercise in self.exercises.items()))
