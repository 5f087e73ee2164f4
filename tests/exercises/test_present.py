import sys
from html.parser import HTMLParser
from types import ModuleType

import pytest

from course_utils.exercises.core import Number, Progress
from course_utils.exercises.present import Panel, short, show


class Reader(HTMLParser):
    """The text of a piece of HTML, and whether every tag in it is closed in order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.text, self.tags = [], "", []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def question(name="loss", answer=1.5, wrong=2):
    return Number(
        name, answer, solution="n = '<b>'", hints=["Use `x < 1` & <i>."], wrong=[(wrong, "a <script> `b`")]
    )


@pytest.fixture
def lesson(monkeypatch):
    module = ModuleType("somewhere.lesson07")
    module.first, module.second, module.third = question("first"), question("second"), question("third")
    module.other = 3
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


@pytest.mark.parametrize(("answer", "outcome", "symbol"), [
    (..., "not attempted", "○"), (2, "incorrect", "✗"), (1.5, "correct", "✓"),
])  # fmt: skip
def test_an_outcome_is_a_word_and_a_symbol_in_text_and_in_html(answer, outcome, symbol):
    result = question().check(answer)
    assert repr(result).startswith(f"{symbol} loss: {outcome}\n")
    assert Reader(result._repr_html_()).text.startswith(f"{symbol} loss: {outcome}")


def test_html_says_the_same_as_text_and_is_the_same_on_each_run():
    for make in (lambda q: q.check(...), lambda q: q.check(2), lambda q: q.hint(), lambda q: q.solution()):
        first, second = make(question()), make(question())
        assert repr(first) == repr(second) and first._repr_html_() == second._repr_html_()
        text = "".join(repr(first).replace("`", "").split())
        assert "".join(Reader(first._repr_html_()).text.split()) == text


def test_html_escapes_what_students_and_authors_write():
    for panel in (question().check("<img src=x onerror=alert(1)>"), question().check(2), question().hint()):
        assert not {"img", "script", "i"} & set(Reader(panel._repr_html_()).tags)
    assert "'<b>'" in Reader(question().solution()._repr_html_()).text
    assert "code" in Reader(question().hint()._repr_html_()).tags


def test_html_takes_its_colours_from_the_theme():
    html = question().check(2)._repr_html_()
    assert "var(--jp-error-color1," in html and "color:var(--jp-content-font-color1,inherit)" in html
    assert "background" not in html


def test_an_empty_panel_is_its_heading():
    assert repr(Panel("heading")) == "heading"


def test_long_and_unrepeatable_values_are_cut():
    assert show(object()) == "<object object>"
    assert len(show("x" * 1000)) == 120 and show("x" * 1000).endswith("…")
    assert short("a\n  b\tc") == "a b c"


def test_progress_counts_the_latest_checks(lesson):
    progress = Progress("somewhere.lesson07")
    assert repr(progress()).startswith("Lesson 7: 0 of 3 exercises correct\n")
    lesson.first.check(1.5)
    lesson.second.check(2)
    text = repr(progress())
    assert text.startswith("Lesson 7: 1 of 3 exercises correct\n")
    assert text.split("\n")[1:4] == [
        "  ✓ first   correct",
        "  ✗ second  incorrect",
        "  ○ third   not attempted",
    ]
    html = progress()._repr_html_()
    words = Reader(html).text
    assert all(
        word in words for word in ("1 of 3", "✓firstcorrect", "✗secondincorrect", "○thirdnot attempted")
    )
    assert html == progress()._repr_html_()
    lesson.first.check(2)
    assert "0 of 3" in repr(progress())


def test_a_table_stays_as_it_was_when_it_was_shown(lesson):
    table = Progress("somewhere.lesson07")()
    lesson.first.check(1.5)
    assert "0 of 3" in repr(table)
