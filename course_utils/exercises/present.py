"""What a student sees: one panel, as plain text and as HTML, the same on each run."""

import html
import re
from dataclasses import dataclass

CORRECT, INCORRECT, NOT_ATTEMPTED = "correct", "incorrect", "not attempted"
SYMBOLS = {CORRECT: "✓", INCORRECT: "✗", NOT_ATTEMPTED: "○"}
# JupyterLab's own colours follow its light and dark theme; the fallbacks read on white and on black.
QUIET = "var(--jp-border-color1, #999)"
COLORS = {
    CORRECT: "var(--jp-success-color1, #009e73)",
    INCORRECT: "var(--jp-error-color1, #d55e00)",
    NOT_ATTEMPTED: "var(--jp-ui-font-color2, #767676)",
}
SMALL = "color:var(--jp-ui-font-color2,inherit);font-size:0.92em"


def inline(text: str) -> str:
    """One sentence as HTML: everything escaped, `backticks` shown as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def frame(color: str, content: str) -> str:
    """A block with a coloured bar on its left, in the theme's own text colour."""
    style = (
        f"border-left:4px solid {color};padding:0.3em 0 0.3em 0.9em;margin:0.3em 0;"
        "color:var(--jp-content-font-color1,inherit);line-height:1.5;max-width:50em"
    )
    return f'<div style="{style}">{content}</div>'


@dataclass(frozen=True)
class Panel:
    """A heading, sentences, perhaps code, and a small line on what to do next."""

    heading: str
    lines: tuple[str, ...] = ()
    code: str = ""
    footer: str = ""
    symbol: str = ""

    @property
    def _color(self) -> str:
        return QUIET

    def __repr__(self) -> str:
        body = [*self.lines, *([self.code] if self.code else []), *([self.footer] if self.footer else [])]
        rows = [row for text in body for row in text.split("\n")]
        return "\n".join([f"{self.symbol} {self.heading}".strip(), *(f"  {row}".rstrip() for row in rows)])

    def _repr_html_(self) -> str:
        symbol = f'<span style="color:{self._color}">{self.symbol}</span> ' if self.symbol else ""
        parts = [f"<div><strong>{symbol}{inline(self.heading)}</strong></div>"]
        parts += [f"<div>{inline(line)}</div>" for line in self.lines]
        if self.code:
            parts.append(f'<pre style="margin:0.4em 0;white-space:pre-wrap">{html.escape(self.code)}</pre>')
        if self.footer:
            parts.append(f'<div style="{SMALL}">{inline(self.footer)}</div>')
        return frame(self._color, "".join(parts))


@dataclass(frozen=True, repr=False)
class Result(Panel):
    """The result of a check: `outcome` is "correct", "incorrect" or "not attempted"."""

    outcome: str = NOT_ATTEMPTED

    @property
    def _color(self) -> str:
        return COLORS[self.outcome]


def show(value: object, limit: int = 120) -> str:
    """A value as short text without memory addresses; never raises."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a student's own __repr__ may fail in any way
        text = f"<{type(value).__name__}>"
    return short(text, limit)


def short(text: str, limit: int = 300) -> str:
    """Text on one line, without memory addresses, cut after `limit` characters."""
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", " ".join(text.split()))
    return text if len(text) <= limit else text[: limit - 1] + "…"
