"""The folder that fit(checkpoint=) keeps: last.pt, previous.pt and best.pt."""

import os
import shutil
import warnings
from pathlib import Path
from typing import Any

from course_utils import checkpoints
from course_utils.history import History

LAST, PREVIOUS, BEST = "last.pt", "previous.pt", "best.pt"


class Folder:
    """Checkpoints of one training run. PermissionError at once if nothing can be written there."""

    def __init__(self, path: str | os.PathLike, **parts: Any) -> None:
        """path: the folder, made if missing; parts: what a checkpoint holds (model, optimizer, scheduler, generator)."""
        self.path, self.parts = Path(path), parts
        probe = self.path / ".writable"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise type(error)(
                error.errno,
                f"no checkpoint can be written to {self.path} ({error.strerror}), so training has not begun",
            ) from None

    def save(self, history: History) -> None:
        """Write last.pt, keeping the one before as previous.pt, and best.pt if no epoch so far was better.

        When that fails the older files are intact, and a warning says what is wrong: a run goes on without.
        """
        last = self.path / LAST
        try:
            if last.exists():
                _keep_copy(last, self.path / PREVIOUS)
            checkpoints.save(last, epoch=len(history), history=history, **self.parts)
            if history.best.epoch == len(history):
                _keep_copy(last, self.path / BEST)
        except OSError as error:
            warnings.warn(f"epoch {len(history)} has no checkpoint: {error.strerror}", stacklevel=3)

    def load_newest(self) -> checkpoints.Checkpoint | None:
        """Load last.pt, or what is whole of previous.pt and best.pt, with a warning. None if there is no checkpoint.

        Raises checkpoints.Damaged when there are checkpoints and none is whole.
        """
        present = [self.path / name for name in (LAST, PREVIOUS, BEST) if (self.path / name).exists()]
        damaged = []
        for path in present:
            try:
                loaded = checkpoints.load(path, **self.parts)
            except checkpoints.Damaged as error:
                damaged.append(str(error))
                continue
            if damaged:
                warnings.warn(
                    f"{'; '.join(damaged)}. Going on from {path.name}, epoch {loaded.epoch}", stacklevel=3
                )
            return loaded
        if damaged:
            raise checkpoints.Damaged(f"no whole checkpoint is left: {'; '.join(damaged)}")
        return None


def _keep_copy(source: Path, target: Path) -> None:
    """Make target the same file as source, in one step, so that neither name is ever missing or half-written."""
    temporary = target.with_name(f".{target.name}.new")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, temporary)
    os.replace(temporary, target)
