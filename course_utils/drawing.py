"""Small line drawings as SVG: sharp at any size, a few kilobytes, and the same text on every machine.

Attributes stand in single quotes, because a notebook's file spends two bytes on each double one.
"""

from collections.abc import Iterable
from html import escape

Box = tuple[float, float, float, float]  # left, top, width, height in pixels; y runs down
GREY = "#737373"


class Picture:
    """A finished drawing: `svg`, and a description that is printed where there is no notebook."""

    def __init__(self, svg: str, description: str) -> None:
        self.svg, self.description = svg, description

    def __repr__(self) -> str:
        return f"[Picture: {self.description}]"

    def _repr_html_(self) -> str:
        # As an image: JupyterLab shows stored SVG only after the reader has run the cell or trusted the notebook.
        source = self.svg
        for character in "%#<>&":  # % first: it is in all the replacements
            source = source.replace(character, f"%{ord(character):02X}")
        return f'<img alt="{escape(self.description)}" src="data:image/svg+xml,{source}">'


class Drawing:
    """A white sheet, measured in pixels, on which later things cover earlier ones."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def boxes(
        self,
        boxes: Iterable[Box],
        *,
        fill: str = "white",
        edge: str = GREY,
        width: float = 1,
        dashed: bool = False,
    ) -> None:
        """Draw rectangles of one style, all in one element; none at all is no error."""
        path = "".join(f"M{_n(x)} {_n(y)}h{_n(w)}v{_n(h)}h{_n(-w)}z" for x, y, w, h in boxes)
        if path:
            dash = " stroke-dasharray='4 3'" if dashed else ""
            self._parts.append(
                f"<path d='{path}' fill='{fill}' stroke='{edge}' stroke-width='{_n(width)}'{dash}/>"
            )

    def grid(
        self, left: float, top: float, rows: int, columns: int, cell: float, *, fill: str = "white"
    ) -> None:
        """Draw rows x columns square cells, all in one element."""
        wide, high = columns * cell, rows * cell
        path = f"M{_n(left)} {_n(top)}h{_n(wide)}v{_n(high)}h{_n(-wide)}z"
        path += "".join(f"M{_n(left)} {_n(top + row * cell)}h{_n(wide)}" for row in range(1, rows))
        path += "".join(f"M{_n(left + column * cell)} {_n(top)}v{_n(high)}" for column in range(1, columns))
        self._parts.append(f"<path d='{path}' fill='{fill}' stroke='{GREY}'/>")

    def shape(self, corners: Iterable[tuple[float, float]], *, fill: str, edge: str = GREY) -> None:
        """Draw a closed shape with these corners."""
        points = " ".join(f"{_n(x)},{_n(y)}" for x, y in corners)
        self._parts.append(f"<polygon points='{points}' fill='{fill}' stroke='{edge}'/>")

    def line(self, x0: float, y0: float, x1: float, y1: float, *, color: str) -> None:
        """Draw a straight line."""
        self._parts.append(f"<path d='M{_n(x0)} {_n(y0)}L{_n(x1)} {_n(y1)}' stroke='{color}'/>")

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: int = 14,
        anchor: str = "middle",
        color: str = "",
        bold: bool = False,
    ) -> None:
        """Write text whose middle (or start, or end: `anchor`) is at x, y. 12 pixels are 9 points: no size below."""
        if not text:
            return
        styles = f" font-size='{size}'" if size != 14 else ""
        styles += f" text-anchor='{anchor}'" if anchor != "middle" else ""
        styles += f" fill='{color}'" if color else ""
        styles += " font-weight='bold'" if bold else ""
        self._parts.append(f"<text x='{_n(x)}' y='{_n(y + 0.35 * size)}'{styles}>{escape(text)}</text>")

    def picture(self, width: float, height: float, description: str) -> Picture:
        """Cut the sheet to width x height pixels. The description is also the SVG's title, for screen readers."""
        svg = (
            f"<svg xmlns='http://www.w3.org/2000/svg' width='{_n(width)}' height='{_n(height)}' "
            f"viewBox='0 0 {_n(width)} {_n(height)}' font-family='sans-serif' font-size='14' text-anchor='middle' "
            f"role='img'><title>{escape(description)}</title><rect width='100%' height='100%' fill='white'/>"
            + "".join(self._parts)
            + "</svg>"
        )
        return Picture(svg, description)


def _n(value: float) -> str:
    """A coordinate to a tenth of a pixel, as short as it gets."""
    return f"{value:.1f}".rstrip("0").rstrip(".")
