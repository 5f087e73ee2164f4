"""What every exercise has: a name, a solution, hints, wrong answers with their slips, three outcomes."""

import ast
import keyword
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from .present import CORRECT, INCORRECT, NOT_ATTEMPTED, SYMBOLS, Panel, Result, short, show


class Exercise:
    """One question. Subclasses say how an answer is read and judged.

    A question without hints, solution or wrong answers is refused with a ValueError.
    """

    def __init__(
        self,
        name: str,
        *,
        solution: str,
        hints: Sequence[str],
        wrong: Sequence[tuple[Any, str]],
        diagnose: Callable[[Any], list[str]] | None = None,
    ) -> None:
        self.name = name
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ValueError(f"exercise {name!r}: the name must be a Python name, as in ex.conv1.check(...)")
        if isinstance(hints, str) or not hints or not all(isinstance(h, str) and h.strip() for h in hints):
            raise ValueError(f"exercise {name!r}: needs a list of at least one hint, got {hints!r}")
        self.code = textwrap.dedent(solution).strip()
        try:
            complete = self.code and not has_gap(self.code)
        except SyntaxError as error:
            raise ValueError(f"exercise {name!r}: the solution is not Python: {error}") from error
        if not complete:
            raise ValueError(f"exercise {name!r}: the solution must be complete code, got {solution!r}")
        if not wrong and diagnose is None:
            raise ValueError(
                f"exercise {name!r}: needs at least one wrong answer with its slip, or a diagnose"
            )
        for entry in wrong:
            pair = isinstance(entry, tuple) and len(entry) == 2
            if not pair or not isinstance(entry[1], str) or not entry[1].strip():
                raise ValueError(f"exercise {name!r}: a wrong answer is (answer, slip), got {entry!r}")
        self.hints = tuple(hints)
        self.wrong = tuple(wrong)
        self.diagnose = diagnose
        self.outcome = NOT_ATTEMPTED
        self._hints_shown = 0

    @property
    def cell_id(self) -> str:
        """The id of the notebook cell that asks this question."""
        return "ex-" + self.name.replace("_", "-")

    def check(self, *answer: Any) -> Result:
        """Say whether the answer is correct, and if not, which slip gives it. Never raises."""
        try:
            result = self._checked(answer)
        except Exception as error:  # noqa: BLE001 - an answer too odd to look at must not stop the notebook
            result = self._incorrect(
                f"This answer could not be read ({type(error).__name__}: {short(str(error))})."
            )
        self.outcome = result.outcome
        return result

    def _checked(self, answer: tuple[Any, ...]) -> Result:
        if not answer:
            return self._not_attempted(f"Put your answer between the brackets of `ex.{self.name}.check()`.")
        if len(answer) > 1:
            return self._incorrect(
                f"`check` takes one answer and got {len(answer)}: put several numbers in brackets, "
                f"`ex.{self.name}.check({show(answer)})`."
            )
        if has_ellipsis(answer[0]):
            whole = answer[0] is ...
            return self._not_attempted(
                "" if whole else f"Part of your answer is still `...`: {show(answer[0])}."
            )
        return self._judge(answer[0])

    def _judge(self, answer: Any) -> Result:
        raise NotImplementedError

    def hint(self) -> Panel:
        """The next hint, below those already given."""
        self._hints_shown = min(self._hints_shown + 1, len(self.hints))
        shown, total = self._hints_shown, len(self.hints)
        if shown < total:
            footer = f"Next: `ex.{self.name}.hint()` gives hint {shown + 1}."
        else:
            footer = f"That is the last hint. `ex.{self.name}.solution()` shows the solution."
        lines = tuple(f"{number}. {text}" for number, text in enumerate(self.hints[:shown], 1))
        return Panel(f"{self.name}: hint {shown} of {total}", lines, footer=footer)

    def solution(self) -> Panel:
        """The code that answers the question."""
        return Panel(f"{self.name}: solution", code=self.code)

    def prove(self) -> None:
        """Check of the question itself that would slow an import down; ValueError if it fails."""

    def _read_answers(
        self, answer: Any, read: Callable[[Any], Any], same: Callable[[Any, Any], bool]
    ) -> None:
        """Set `answer` and `wrong` as `read` returns them; all must differ from each other."""
        try:
            self.answer = read(answer)
            self.wrong = tuple((read(value), slip) for value, slip in self.wrong)
        except ValueError as error:
            raise ValueError(f"exercise {self.name!r}: {error}") from error
        seen = [self.answer]
        for value, _ in self.wrong:
            if any(same(value, other) for other in seen):
                what = "the answer itself" if same(value, self.answer) else "listed twice"
                raise ValueError(f"exercise {self.name!r}: the wrong answer {value!r} is {what}")
            seen.append(value)

    def _slips(self, listed: Sequence[str], answer: Any) -> list[str]:
        """The listed slips and those that `diagnose` finds; an answer it refuses (ValueError) shows none."""
        try:
            found = list(self.diagnose(answer)) if self.diagnose else []
        except ValueError:
            found = []
        return list(dict.fromkeys([*listed, *found]))

    def _result(self, outcome: str, lines: Sequence[str], footer: str = "") -> Result:
        said = tuple(line for line in lines if line)
        return Result(
            f"{self.name}: {outcome}", said, footer=footer, symbol=SYMBOLS[outcome], outcome=outcome
        )

    def _correct(self, *lines: str) -> Result:
        return self._result(CORRECT, lines)

    def _incorrect(self, *lines: str) -> Result:
        return self._result(INCORRECT, lines, self._help())

    def _not_attempted(self, *lines: str) -> Result:
        lines = tuple(line for line in lines if line) or (
            "Replace `...` with your answer and run the cell again.",
        )
        return self._result(NOT_ATTEMPTED, lines, self._help())

    def _help(self) -> str:
        return f"Stuck? `ex.{self.name}.hint()` gives a hint, `ex.{self.name}.solution()` the solution."


def has_ellipsis(value: Any) -> bool:
    """Is a `...` left in this value?"""
    if isinstance(value, (tuple, list)):
        return any(has_ellipsis(item) for item in value)
    if isinstance(value, dict):
        return any(has_ellipsis(item) for item in value.values())
    return value is ...


def has_gap(code: str) -> bool:
    """Is there a `...` to fill in? The one in `x[..., 0]` is real code. SyntaxError if the code is not Python."""
    tree = ast.parse(code)
    in_index = {
        id(node)
        for subscript in ast.walk(tree)
        if isinstance(subscript, ast.Subscript)
        for node in ast.walk(subscript.slice)
    }
    return any(
        isinstance(node, ast.Constant) and node.value is ... and id(node) not in in_index
        for node in ast.walk(tree)
    )
