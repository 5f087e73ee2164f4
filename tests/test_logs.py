"""fit(log_dir=) writes what it measured, and TensorBoard's own reader finds it again."""

import errno
import os
import subprocess
import sys

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset

from course_utils import train

TAGS = ["accuracy/test", "accuracy/train", "learning_rate", "loss/test", "loss/train"]


def loader():
    images = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
    return DataLoader(TensorDataset(images, torch.arange(40) % 3), batch_size=16)


def fit(folder, *, epochs=3, batches=None, **others):
    torch.manual_seed(0)
    model = nn.Linear(6, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    schedule = StepLR(optimizer, step_size=2, gamma=0.1)
    return train.fit(
        model, batches or loader(), loader(), epochs=epochs, optimizer=optimizer, scheduler=schedule,
        log_dir=folder, progress=False, **others,
    )  # fmt: skip


def read(folder):
    """{tag: ([steps], [values])} as TensorBoard shows them."""
    events = EventAccumulator(str(folder)).Reload()
    points = {tag: events.Scalars(tag) for tag in events.Tags()["scalars"]}
    return {tag: ([p.step for p in ps], [p.value for p in ps]) for tag, ps in points.items()}


def test_the_five_curves_are_those_of_the_history(tmp_path):
    history = fit(tmp_path / "new" / "logs")
    logged = read(tmp_path / "new" / "logs")
    assert sorted(logged) == TAGS
    assert {tuple(steps) for steps, _ in logged.values()} == {(1, 2, 3)}
    for tag, values in (
        ("loss/train", history.train_loss),
        ("loss/test", history.test_loss),
        ("accuracy/train", history.train_accuracy),
        ("accuracy/test", history.test_accuracy),
        ("learning_rate", [0.5, 0.5, 0.05]),  # each epoch's own: the schedule steps when the epoch is over
    ):
        assert logged[tag][1] == pytest.approx(values, rel=1e-6), tag


class Stopping:
    """A loader that raises in its second epoch, and first looks at what the log holds by then."""

    def __init__(self, folder, error):
        self.folder, self.error, self.epoch, self.found = folder, error, 0, None

    def __len__(self):
        return 3

    def __iter__(self):
        self.epoch += 1
        if self.epoch == 2:
            self.found = read(self.folder)
            raise self.error
        return iter(loader())


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("the disk fell out")])
def test_each_epoch_is_on_the_disk_at_once_and_the_file_is_closed_however_the_run_ends(
    tmp_path, monkeypatch, error
):
    closed = []
    from torch.utils.tensorboard import SummaryWriter

    real = SummaryWriter.close
    monkeypatch.setattr(SummaryWriter, "close", lambda self: (closed.append(True), real(self)))
    batches = Stopping(tmp_path, error)
    if isinstance(error, KeyboardInterrupt):
        assert len(fit(tmp_path, batches=batches)) == 1
    else:
        with pytest.raises(RuntimeError, match="fell out"):
            fit(tmp_path, batches=batches)
    assert sorted(batches.found) == TAGS and batches.found["loss/train"][0] == [1]
    assert closed == [True]
    assert read(tmp_path)["loss/test"][0] == [1]


def test_a_resumed_run_goes_on_in_the_same_curves(tmp_path):
    checkpoint, logs = tmp_path / "checkpoint", tmp_path / "logs"
    fit(logs, epochs=2, checkpoint=checkpoint)
    history = fit(logs, epochs=4, checkpoint=checkpoint, resume=True)
    steps, values = read(logs)["loss/train"]
    assert steps == [1, 2, 3, 4]
    assert values == pytest.approx(history.train_loss, rel=1e-6)
    before = sorted(os.listdir(logs))
    fit(logs, epochs=4, checkpoint=checkpoint, resume=True)  # nothing left to do
    assert sorted(os.listdir(logs)) == before


def test_a_run_begun_anew_replaces_the_curves_of_the_one_before(tmp_path):
    fit(tmp_path, epochs=4)
    fit(tmp_path, epochs=2)
    assert read(tmp_path)["loss/train"][0] == [1, 2]


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path):
    file = tmp_path / "a_file"
    file.write_text("not a folder")
    batches = Stopping(tmp_path, RuntimeError)
    with pytest.raises(OSError, match=r"no logs can be written to .*a_file.* training has not begun"):
        fit(file, batches=batches)
    assert batches.epoch == 0
    assert file.read_text() == "not a folder"


def test_a_full_disk_costs_the_logs_and_not_the_run(tmp_path, monkeypatch):
    from torch.utils.tensorboard import SummaryWriter

    def full(self):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SummaryWriter, "flush", full)
    with pytest.warns(UserWarning, match="epoch 1 is not in the logs: No space left on device"):
        assert len(fit(tmp_path, epochs=1)) == 1
    monkeypatch.undo()
    monkeypatch.setattr(SummaryWriter, "close", full)
    with pytest.warns(UserWarning, match="the logs could not be closed: No space left"):
        assert len(fit(tmp_path, epochs=1)) == 1


def test_training_without_logs_does_not_wait_for_tensorboard():
    code = "import sys; from course_utils import train; sys.exit('tensorboard' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
