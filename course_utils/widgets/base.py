"""What the widgets share: JavaScript and style put together from small files, and a view without a front end."""

import re
from pathlib import Path

import anywidget

STATIC = Path(__file__).parent / "static"
IMPORT = re.compile(r'^import .*? from "\./.*?";\n', re.M | re.S)
EXPORT = re.compile(r"^export (?!default)", re.M)
# Lines of comment, and indentation.
COMMENT = re.compile(r"^\s*(?://.*?$|/\*(?:(?!\*/).)*\*/$)\n|^[ \t]+", re.M | re.S)


def script(*names: str) -> str:
    """Return the files in static/ as one ES module, in this order: the browser gets a widget's code as one text.

    The files import from each other by name, so that Node can test each of them alone; here those lines fall away,
    and so do lines of comment and indentation, a sixth of the text.
    """
    parts = [(STATIC / name).read_text(encoding="utf-8") for name in names]
    return "\n".join(COMMENT.sub("", EXPORT.sub("", IMPORT.sub("", part))) for part in parts)


def style(*names: str) -> str:
    """Return the style sheets in static/ as one text."""
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)


class Widget(anywidget.AnyWidget):
    """A widget that also shows a static picture or table: on GitHub, in a notebook that was not run, without a kernel."""

    def static_view(self) -> dict[str, str]:
        """MIME types and contents of the static view, for example {"text/html": "<table>..."}."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs):
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return data | self.static_view(), metadata
