import errno
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, TensorDataset

from course_utils import checkpoints, train
from course_utils.checkpoint_folder import Folder
from course_utils.history import History

EPOCHS = 4


def parts(seed=0):
    """A run that draws random numbers in every way a run can: shuffling, dropout, a schedule, momentum, BatchNorm."""
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
    images, labels = torch.randn(50, 8), torch.randint(0, 3, (50,))
    generator = torch.Generator().manual_seed(seed)
    loader = DataLoader(TensorDataset(images, labels), batch_size=8, shuffle=True, generator=generator)
    model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    schedule = OneCycleLR(optimizer, max_lr=0.2, total_steps=EPOCHS * len(loader))
    return model, loader, optimizer, schedule


def fit(run, epochs, **more):
    model, loader, optimizer, schedule = run
    return train.fit(
        model, loader, loader, epochs=epochs, optimizer=optimizer, scheduler=schedule, progress=False, **more
    )


def same_weights(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values()))


def test_a_resumed_run_ends_with_the_weights_of_an_unbroken_one(tmp_path):
    whole = parts()
    unbroken = fit(whole, EPOCHS)
    fit(parts(), EPOCHS // 2, checkpoint=tmp_path)
    (
        torch.rand(7),
        random.random(),
        np.random.rand(),
    )  # a new process would be somewhere else in every sequence
    resumed = parts(seed=99)
    resumed[1].dataset.tensors = whole[1].dataset.tensors
    history = fit(resumed, EPOCHS, checkpoint=tmp_path, resume=True)
    assert same_weights(whole[0], resumed[0])
    for name in ("train_loss", "train_accuracy", "test_loss", "test_accuracy"):
        assert getattr(history, name) == getattr(unbroken, name)


def test_without_the_random_states_the_resumed_run_would_differ(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "_restore_random_state", lambda state, generator: None)
    with pytest.raises(AssertionError):
        test_a_resumed_run_ends_with_the_weights_of_an_unbroken_one(tmp_path)


def test_resume_stops_at_the_total_and_starts_anew_in_an_empty_folder(tmp_path):
    run = parts()
    assert len(fit(run, 2, checkpoint=tmp_path, resume=True)) == 2
    before = {name: value.clone() for name, value in run[0].state_dict().items()}
    assert len(fit(run, 2, checkpoint=tmp_path, resume=True)) == 2
    assert all(torch.equal(before[name], value) for name, value in run[0].state_dict().items())
    assert not run[0].training
    with pytest.raises(ValueError, match="resume=True needs checkpoint="):
        fit(run, 3, resume=True)


def test_best_is_the_checkpoint_with_the_highest_test_accuracy(tmp_path):
    model, *_ = parts()
    folder = Folder(tmp_path, model=model)
    history, weights = History(), {}
    for epoch, accuracy in enumerate([0.5, 0.8, 0.8, 0.6], start=1):
        with torch.no_grad():
            model[0].weight.fill_(epoch)
        history.add(1.0, 0.5, 1.0, accuracy, 1.0)
        folder.save(history)
    for name in ("best.pt", "previous.pt", "last.pt"):
        weights[name] = torch.load(tmp_path / name, weights_only=True)["model"]["0.weight"][0, 0].item()
    assert weights == {"best.pt": 2, "previous.pt": 3, "last.pt": 4}


def spoil(path, kind):
    data = path.read_bytes()
    if kind == "cut":
        data = data[: len(data) // 2]
    elif kind == "flipped":
        middle = len(data) // 2
        data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    else:
        data = b""
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ["cut", "flipped", "empty"])
def test_a_damaged_file_is_named_and_the_one_before_is_used(tmp_path, kind):
    fit(parts(), 3, checkpoint=tmp_path)
    spoil(tmp_path / "last.pt", kind)
    with pytest.raises(checkpoints.Damaged, match="last.pt is damaged"):
        checkpoints.load(tmp_path / "last.pt", parts()[0])
    with pytest.warns(UserWarning, match="last.pt is damaged.*Going on from previous.pt, epoch 2"):
        assert len(fit(parts(), 4, checkpoint=tmp_path, resume=True)) == 4


def test_when_nothing_whole_is_left_the_run_says_so_and_does_not_begin(tmp_path):
    fit(parts(), 1, checkpoint=tmp_path)
    for path in tmp_path.glob("*.pt"):
        path.write_bytes(b"PK")
    with pytest.raises(checkpoints.Damaged, match="no whole checkpoint is left.*last.pt.*best.pt"):
        fit(parts(), 2, checkpoint=tmp_path, resume=True)


def test_a_folder_that_cannot_be_written_is_refused_before_the_first_epoch(tmp_path):
    (tmp_path / "file").write_text("in the way")
    run = parts()
    before = run[0][0].weight.clone()
    with pytest.raises(OSError, match="no checkpoint can be written to .*training has not begun"):
        fit(run, 1, checkpoint=tmp_path / "file" / "folder")
    assert torch.equal(before, run[0][0].weight)


def test_a_full_disk_keeps_the_old_file_and_says_how_much_is_missing(tmp_path, monkeypatch):
    model = nn.Linear(300, 300)
    path = tmp_path / "model.pt"
    checkpoints.save(path, model, epoch=1)
    old = path.read_bytes()
    usage = checkpoints.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(checkpoints.shutil, "disk_usage", lambda folder: usage._replace(free=100_000))
    with pytest.raises(OSError, match=r"model.pt needs 0.4 MB, 0.1 MB are free, 0.3 MB are missing"):
        checkpoints.save(path, model, epoch=2)
    assert path.read_bytes() == old and os.listdir(tmp_path) == ["model.pt"]


def test_a_disk_that_fills_up_during_the_write_leaves_nothing_half_written(tmp_path, monkeypatch):
    run = parts()
    fit(run, 1, checkpoint=tmp_path)
    old = (tmp_path / "last.pt").read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.warns(UserWarning, match="epoch 2 has no checkpoint: the disk is full"):
            assert len(fit(run, 2, checkpoint=tmp_path, resume=True)) == 2
    assert (tmp_path / "last.pt").read_bytes() == old
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".new")]


def test_a_checkpoint_of_another_model_changes_nothing(tmp_path):
    checkpoints.save(tmp_path / "a.pt", nn.Linear(3, 2))
    other = nn.Linear(4, 2)
    before = other.weight.clone()
    with pytest.raises(
        ValueError, match=r"2 tensors of 8 values.*2 of 10.*weight, \(2, 3\) in the file and \(2, 4\)"
    ):
        checkpoints.load(tmp_path / "a.pt", other)
    assert torch.equal(before, other.weight)
    with pytest.raises(ValueError, match="no optimizer state"):
        model = nn.Linear(3, 2)
        checkpoints.load(tmp_path / "a.pt", model, torch.optim.SGD(model.parameters(), lr=1.0))


def test_a_checkpoint_is_a_plain_torch_file_and_runs_no_code(tmp_path):
    model = nn.Linear(3, 2)
    checkpoints.save(tmp_path / "a.pt", model, epoch=7)
    state = torch.load(tmp_path / "a.pt", weights_only=True)
    assert state["epoch"] == 7 and torch.equal(state["model"]["weight"], model.weight)

    class Evil:
        def __reduce__(self):
            return print, ("code ran",)

    (tmp_path / "evil.pt").write_bytes(checkpoints._archive({"model": Evil()}))
    with pytest.raises(checkpoints.Damaged, match="holds more than tensors and plain values"):
        checkpoints.load(tmp_path / "evil.pt", model)


# Imports once, then forks a child for each folder it is told; the child saves until it is killed.
WRITER = """
import os, sys, torch
from torch import nn
from course_utils.checkpoint_folder import Folder
from course_utils.history import History
for line in sys.stdin:
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        print("dead", flush=True)
        continue
    print("child", os.getpid(), flush=True)  # said by the child itself, so that it comes before its epochs
    model, history = nn.Linear(700, 700), History()
    folder = Folder(line.strip(), model=model)
    for epoch in range(1, 100_000):
        with torch.no_grad():
            model.weight.fill_(epoch)
        history.add(1.0, 0.5, 1.0, 1 - 1 / epoch, 1.0)
        folder.save(history)
        print("epoch", epoch, flush=True)
"""
KILLS = 50


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork and no SIGKILL")
def test_killed_at_50_random_moments_the_newest_whole_checkpoint_loads_each_time(tmp_path):
    rng, left_behind = random.Random(0), set()
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", WRITER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as writer:

        def said():
            word, _, number = writer.stdout.readline().strip().partition(" ")
            return word, int(number or 0)

        for kill in range(KILLS):
            folder = tmp_path / str(kill)
            print(folder, file=writer.stdin, flush=True)
            word, child = said()
            assert word == "child", f"{word} {child}"  # or else a stranger is killed
            reported = 0
            while reported < 2:
                reported = said()[1]
            time.sleep(rng.uniform(0, 0.03))
            os.kill(child, signal.SIGKILL)
            while (report := said())[0] == "epoch":
                reported = report[1]
            model = nn.Linear(700, 700)
            loaded = Folder(folder, model=model).load_newest()
            assert loaded.epoch in (reported, reported + 1), "a whole checkpoint was lost"
            assert (model.weight == loaded.epoch).all() and len(loaded.history) == loaded.epoch
            left_behind.add(frozenset(os.listdir(folder)))
        writer.stdin.close()
    assert len(left_behind) > 1, "no kill came during a save, so nothing was tested"
