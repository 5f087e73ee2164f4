"""Reading a typed shape or number of parameters, and judging all that was typed by the engine of Derivation.check."""

from __future__ import annotations

import re
from typing import NamedTuple

from course_utils.shapes import Derivation, Step, table
from course_utils.shapes.check import Line

Typed = dict[str, dict[str, str]]  # {step name: {"shape": text, "params": text}}
Verdict = dict[str, str]  # of one answer: the typed text it is about, its state, and what there is to say

SPACES = r"\s   "
THOUSANDS = re.compile(rf"\d{{1,3}}([,_'’{SPACES}]\d{{3}})+")
PART = re.compile(r"\d{1,9}(\.\d{1,9})?")


class Answers(NamedTuple):
    """What was typed, as Derivation.check and the exercises take it: derivation.check(*form.answers)."""

    shapes: dict[str, tuple[int | float, ...]]
    params: dict[str, int]


class Unreadable(ValueError):
    """The text is no answer; the message says what is expected."""


def read_shape(text: str, step: Step) -> tuple[int | float, ...]:
    """A shape out of "64, 30, 30", "(64, 30, 30)", "64x30x30" or "64 × 30 × 30"; one number for a row.

    Where one number is expected, "12,544" is twelve thousand. Half pixels are read: the engine has a word on them.
    """
    inner = re.sub(r"^torch\.Size", "", text.strip()).strip("()[] ")
    if len(step.output_shape) == 1 and THOUSANDS.fullmatch(inner):
        return (read_count(inner),)
    parts = [part for part in re.split(rf"[,;xX×·*{SPACES}]+", inner) if part]
    if not parts or not all(PART.fullmatch(part) for part in parts):
        raise Unreadable(
            f"“{text.strip()}” is not read as a shape. Write the numbers for one image: "
            "64, 30, 30 (channels, height, width), or one number for a row."
        )
    return tuple(float(part) if "." in part else int(part) for part in parts)


def read_count(text: str) -> int:
    """A number of parameters out of "1792", "1,792" or "1 792"."""
    bare = text.strip()
    if THOUSANDS.fullmatch(bare):
        bare = re.sub(r"\D", "", bare)
    if not re.fullmatch(r"\d{1,15}", bare):
        raise Unreadable(
            f"“{text.strip()}” is not read as a number. Write a whole number: 1792 or 1,792; 0 for none."
        )
    return int(bare)


def read_all(derivation: Derivation, typed: Typed) -> tuple[Answers, dict[tuple[str, str], str]]:
    """The answers that can be read, and the message for each that cannot, by step name and what was asked."""
    answers, unread = Answers({}, {}), {}
    for step in derivation:
        for what, text in typed.get(step.name, {}).items():
            if not text.strip():
                continue
            try:
                if what == "shape":
                    answers.shapes[step.name] = read_shape(text, step)
                else:
                    answers.params[step.name] = read_count(text)
            except Unreadable as error:
                unread[step.name, what] = str(error)
    return answers, unread


def judge(derivation: Derivation, typed: Typed, editing: str = "") -> dict[str, dict[str, Verdict]]:
    """A verdict for each answer that was typed, as {step name: {"shape" | "params": verdict}}.

    editing: "name shape" or "name params", the answer that is still being typed. A shape with too few numbers
    is not yet wrong there.
    """
    answers, unread = read_all(derivation, typed)
    found: dict[str, dict[str, Verdict]] = {step.name: {} for step in derivation}
    for line in derivation.check(*answers).lines:
        what = "params" if line.question == "parameters" else "shape"
        unfinished = editing == f"{line.step.name} {what}" and is_unfinished(line)
        state = "unfinished" if unfinished else line.verdict
        found[line.step.name][what] = {"state": state, "note": "" if unfinished else note(line)}
    for (name, what), message in unread.items():
        found[name][what] = {"state": "unread", "note": message}
    for name, verdicts in found.items():
        for what, verdict in verdicts.items():
            verdict["text"] = typed[name][what]
    return {name: verdicts for name, verdicts in found.items() if verdicts}


def is_unfinished(line: Line) -> bool:
    return (
        line.verdict == "wrong"
        and line.question == "shape"
        and len(line.answer) < len(line.step.output_shape)
    )


def note(line: Line) -> str:
    """What the engine says about an answer, in its own words."""
    if line.verdict == "wrong":
        return " ".join(line.notes)
    return "" if line.verdict == "right" else table.verdict(line)
