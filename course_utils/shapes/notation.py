"""How shapes, products and large numbers are written, in tables and in sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence

Shape = tuple[int, ...]


def by(shape: Sequence[int]) -> str:
    """(64, 30, 30) as 64×30×30."""
    return "×".join(map(str, shape)) or "one number"


def times(factors: Sequence[object]) -> str:
    """(128, 2, 2) as 128·2·2."""
    return "·".join(map(str, factors)) or "1"


def number(n: int) -> str:
    """1792 as 1,792."""
    return f"{n:,}"


def short(both: tuple[int, int]) -> str:
    """(3, 3) as 3, (3, 5) as (3, 5): the way it would be written in a layer."""
    return str(both[0]) if both[0] == both[1] else str(both)


def without_result(worked: str) -> str:
    """A worked line up to its last equals sign: '15·2 = 30; 20·2 = 40' as '15·2; 20·2'."""
    return "; ".join(re.sub(r" = [^=]*$", "", part) for part in worked.split("; "))
