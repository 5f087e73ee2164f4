"""What every exercise has: a name, a solution, hints, wrong answers with their slips, three outcomes."""

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
        if not name.isidentifier():
            raise ValueError(f"exercise {name!r}: the name must be a Python name, as in ex.{name}.check(...)")
        if isinstance(hints, str) or not hints or not all(isinstance(h, str) and h.strip() for h in hints):
            raise ValueError(f"exercise {name!r}: needs a list of at least one hint, got {hints!r}")
        if not solution.strip() or has_ellipsis_line(solution):
            raise ValueError(f"exercise {name!r}: the solution must be complete code, got {solution!r}")
        if not wrong and diagnose is None:
            raise ValueError(f"exercise {name!r}: needs at least one wrong answer with its slip, or a diagnose")
        for entry in wrong:
            if not (isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[1], str) and entry[1].strip()):
                raise ValueError(f"exercise {name!r}: a wrong answer is (answer, slip), got {entry!r}")
        self.code = solution.strip("\n")
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
        except Exception as error:  # an answer so odd that looking at it fails must not stop the notebook
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
            return self._not_attempted("" if whole else f"Part of your answer is still `...`: {show(answer[0])}.")
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
        """Run the checks of the question itself that are too slow for an import. ValueError if one fails."""

    def _result(self, outcome: str, lines: Sequence[str], footer: str = "") -> Result:
        heading = f"{SYMBOLS[outcome]} {self.name}: {outcome}"
        return Result(heading, tuple(line for line in lines if line), footer=footer, outcome=outcome)

    def _correct(self, *lines: str) -> Result:
        return self._result(CORRECT, lines)

    def _incorrect(self, *lines: str) -> Result:
        return self._result(INCORRECT, lines, self._help())

    def _not_attempted(self, *lines: str) -> Result:
        lines = tuple(line for line in lines if line) or ("Replace `...` with your answer and run the cell again.",)
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


def has_ellipsis_line(code: str) -> bool:
    """Does code still hold `...` where something is to be filled in? `x[..., 0]` is real code and does not count."""
    import ast

    tree = ast.parse(code)
    in_index = {
        id(node)
        for subscript in ast.walk(tree)
        if isinstance(subscript, ast.Subscript)
        for node in ast.walk(subscript.slice)
    }
    return any(
        isinstance(node, ast.Constant) and node.value is ... and id(node) not in in_index for node in ast.walk(tree)
    )
