"""Derivations as tables: plain text for a terminal, HTML for a notebook.

The HTML takes its colours from JupyterLab's theme, light or dark, and from the page where there is no JupyterLab.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .notation import by, number

if TYPE_CHECKING:
    from .check import Checked, Line
    from .derivation import Derivation, Step

HEADER = ("step", "layer", "output", "how", "parameters", "multiply-adds", "sees")
CHECK_HEADER = ("", "step", "what", "yours", "verdict")
NUMBERS = {"parameters", "multiply-adds", "sees"}  # columns set flush right
COLOR = "color:var(--jp-content-font-color1,inherit)"
TABLE = f"border-collapse:collapse;margin:0.5em 0;font-size:0.92em;line-height:1.4;{COLOR}"
RULE = "1px solid var(--jp-border-color1,#999)"
MARKS = {"right": "✓", "follows": "✓", "wrong": "✗", "open": "?"}
MARK_COLORS = {"✓": "var(--jp-success-color1,#009e73)", "✗": "var(--jp-error-color1,#d55e00)"}


def derivation_rows(derivation: Derivation) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """The table's cells as text: the input, each step and what this pass does not use; and the totals."""
    rows = [("input", "", by(derivation.input_shape), "", "", "", "")]
    for step in derivation:
        params, work = step.params_worked or "0", number(step.multiply_adds)
        rows.append((step.name, step.op, by(step.output_shape), step.worked, params, work, sees(step)))
    for name, params in derivation.unused.items():
        rows.append((name, "", "", "not used in this pass", number(params), "", ""))
    return rows, ("total", "", "", "", number(derivation.params), number(derivation.multiply_adds), "")


def sees(step: Step) -> str:
    """The receptive field as text, empty where it is not followed."""
    return by(step.receptive_field) if step.receptive_field else ""


def derivation_text(derivation: Derivation) -> str:
    """The whole table in plain text."""
    return text_table(HEADER, *derivation_rows(derivation))


def derivation_html(derivation: Derivation) -> str:
    """The whole table in HTML; the formula in symbols is a tooltip on the worked one."""
    return html_table(HEADER, *derivation_rows(derivation), ["", *(step.formula for step in derivation)])


def step_text(step: Step) -> str:
    """One step in a few lines of plain text."""
    into = ", ".join(map(by, step.input_shapes))
    lines = [f"{step.name}: {step.layer.code or step.op}, {into} → {by(step.output_shape)}"]
    if step.worked not in ("", "same shape"):
        lines += [f"  {step.formula}", f"  {step.worked}"]
    lines += [f"  parameters: {step.params_worked}"] if step.params_worked else []
    lines += [f"  multiply-adds: {number(step.multiply_adds)}"] if step.multiply_adds else []
    lines += [f"  sees {sees(step)} pixels of the input"] if sees(step) else []
    return "\n".join(lines)


def checked_rows(checked: Checked) -> list[tuple[str, ...]]:
    """One row for each line of a derivation done by hand."""
    return [
        (MARKS[line.verdict], line.step.name, line.question, line.said, verdict(line))
        for line in checked.lines
    ]


def verdict(line: Line) -> str:
    """What the table says about one line."""
    notes = " ".join(line.notes)
    return {
        "right": "right",
        "follows": "right, from your value above",
        "wrong": f"wrong: {notes}",
        "open": f"cannot be judged: {notes}",
    }[line.verdict]


def headline(checked: Checked) -> str:
    """What comes of the whole, in a sentence or two."""
    first = checked.first_wrong
    if first:
        said = f"The first wrong line is the {first.question} of {first.step.name}. {' '.join(first.notes)}"
    elif checked.lines:
        said = "Every line is right." if checked.correct else "Every line so far is right."
    else:
        said = "Nothing to check yet."
    return said + (f" Still open: {', '.join(checked.missing)}." if checked.missing else "")


def checked_text(checked: Checked) -> str:
    """The judged derivation in plain text."""
    return f"{headline(checked)}\n{text_table(CHECK_HEADER, checked_rows(checked))}"


def checked_html(checked: Checked) -> str:
    """The judged derivation in HTML."""
    rows = html_table(CHECK_HEADER, checked_rows(checked))
    return f'<div style="{COLOR}"><strong>{html.escape(headline(checked))}</strong></div>{rows}'


def text_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], total: Sequence[str] | None = None
) -> str:
    """Columns padded to the same width, a rule below the header and above the total."""
    cells = [header, *rows, *([total] if total else [])]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]

    def line(row: Sequence[str]) -> str:
        flush = [
            cell.rjust(width) if name in NUMBERS else cell.ljust(width)
            for name, cell, width in zip(header, row, widths, strict=True)
        ]
        return "  ".join(flush).rstrip()

    rule = "  ".join("─" * width for width in widths)
    return "\n".join([line(header), rule, *map(line, rows), *([rule, line(total)] if total else [])])


def html_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    total: Sequence[str] | None = None,
    tooltips: Sequence[str] = (),
) -> str:
    """The same table in HTML. tooltips: one for the worked formula of each row, as far as they go."""

    def line(row: Sequence[str], tag: str, edge: str = "", tip: str = "") -> str:
        cells = []
        for name, cell in zip(header, row, strict=True):
            style = f"text-align:{'right' if name in NUMBERS else 'left'}{edge}"
            style += ";white-space:nowrap" if name in ("how", "parameters") else ""
            style += f";color:{MARK_COLORS[cell]}" if cell in MARK_COLORS else ""
            title = f' title="{html.escape(tip)}"' if tip and name == "how" else ""
            cells.append(f'<{tag} style="{style}"{title}>{html.escape(cell)}</{tag}>')
        return f"<tr>{''.join(cells)}</tr>"

    tips = [*tooltips, *[""] * (len(rows) - len(tooltips))]
    body = [line(row, "td", tip=tip) for row, tip in zip(rows, tips, strict=True)]
    body += [line(total, "th", f";border-top:{RULE}")] if total else []
    head = line(header, "th", f";border-bottom:{RULE}")
    return (
        f'<div style="overflow-x:auto"><table cellpadding="4" style="{TABLE}"><thead>{head}</thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )
