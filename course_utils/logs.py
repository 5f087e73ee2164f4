"""TensorBoard's files: the curves of a training run, a point an epoch, for fit(log_dir=)."""

import os
import tempfile
import warnings
from pathlib import Path

from course_utils.history import History


class Logs:
    """Writes loss/train, loss/test, accuracy/train, accuracy/test and learning_rate; the step is the epoch, from 1."""

    def __init__(self, folder: str | os.PathLike, done: int = 0) -> None:
        """folder: made if missing; done: whole epochs of this run so far. OSError if it cannot be written.

        Points after epoch `done` that earlier runs left in the folder are no longer shown: they would run
        backwards through the new curves.
        """
        path = Path(folder)
        try:
            path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path):
                pass
        except OSError as error:
            raise type(error)(
                error.errno,
                f"no logs can be written to {path} ({error.strerror}), so training has not begun",
            ) from None
        # Imported here because it takes seconds, and most runs write no logs.
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(path), purge_step=done + 1)

    def epoch_done(self, history: History, learning_rate: float) -> None:
        """Write the history's last epoch to the disk, and the learning rate that it began with.

        When that fails a warning says so: a run goes on without logs.
        """
        values = {
            "loss/train": history.train_loss[-1],
            "loss/test": history.test_loss[-1],
            "accuracy/train": history.train_accuracy[-1],
            "accuracy/test": history.test_accuracy[-1],
            "learning_rate": learning_rate,
        }
        try:
            for name, value in values.items():
                self.writer.add_scalar(name, value, len(history))
            self.writer.flush()
        except OSError as error:
            warnings.warn(f"epoch {len(history)} is not in the logs: {error.strerror}", stacklevel=3)

    def close(self) -> None:
        """Write what is left and close the file."""
        try:
            self.writer.close()
        except OSError as error:
            warnings.warn(f"the logs could not be closed: {error.strerror}", stacklevel=3)
