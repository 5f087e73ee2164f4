import math

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau, StepLR
from torch.utils.data import DataLoader, TensorDataset

from course_utils import train

COUNT, CLASSES = 70, 4  # 70 images in batches of 16 end in a short batch of 6


def images_and_labels(seed=0, count=COUNT):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(count, 1, 6, 6, generator=generator)
    return images, torch.randint(0, CLASSES, (count,), generator=generator)


def loader(seed=0, count=COUNT, batch_size=16, labels=None):
    images, own = images_and_labels(seed, count)
    return DataLoader(TensorDataset(images, own if labels is None else labels), batch_size=batch_size)


def network(seed=1):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(36, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, CLASSES)
    )


def sgd(model, lr=0.1):
    return torch.optim.SGD(model.parameters(), lr=lr)


def test_an_epoch_does_what_the_bare_loop_does_bit_for_bit():
    loss_fn = nn.CrossEntropyLoss()
    ours, bare = network(), network()
    metrics = train.train_epoch(ours, loader(), loss_fn, sgd(ours))
    optimizer, total, correct = sgd(bare), 0.0, 0
    bare.train()
    for images, labels in loader():
        outputs = bare(images)
        loss = loss_fn(outputs, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        correct += (outputs.argmax(1) == labels).sum().item()
    assert metrics[:3] == (total / COUNT, correct / COUNT, COUNT)
    for a, b in zip(ours.state_dict().values(), bare.state_dict().values()):
        assert torch.equal(a, b)


def test_averages_count_each_image_once_although_the_last_batch_is_short():
    model = network().eval()
    images, labels = images_and_labels()
    with torch.no_grad():
        outputs = model(images)
    whole = nn.functional.cross_entropy(outputs, labels).item()
    metrics = train.evaluate(model, loader(), nn.CrossEntropyLoss())
    assert metrics.loss == pytest.approx(whole, rel=1e-6)
    assert metrics.accuracy == (outputs.argmax(1) == labels).sum().item() / COUNT


def test_evaluate_changes_nothing_and_uses_eval_mode():
    model = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    train.evaluate(model.train(), loader(), nn.CrossEntropyLoss())
    assert not model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_fit_measures_every_epoch_learns_and_ends_in_eval_mode():
    model = network()
    history = train.fit(model, loader(), loader(), epochs=12, optimizer=sgd(model), progress=False)
    assert len(history) == 12
    assert history.train_loss[-1] < 0.7 * history.train_loss[0]
    assert history.test_accuracy[-1] > history.test_accuracy[0]
    assert not model.training
    again = train.evaluate(model, loader(), nn.CrossEntropyLoss())
    assert (again.loss, again.accuracy) == (history.test_loss[-1], history.test_accuracy[-1])


def test_a_one_cycle_schedule_steps_per_batch_and_a_step_schedule_per_epoch():
    model = network()
    optimizer = sgd(model)
    cycle = OneCycleLR(optimizer, max_lr=0.1, total_steps=2 * len(loader()))
    train.fit(model, loader(), loader(), epochs=2, optimizer=optimizer, scheduler=cycle, progress=False)
    assert cycle.last_epoch == 2 * len(loader())
    optimizer = sgd(model, lr=0.1)
    steps = StepLR(optimizer, step_size=2, gamma=0.1)
    train.fit(model, loader(), loader(), epochs=3, optimizer=optimizer, scheduler=steps, progress=False)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.01)
    with pytest.raises(ValueError, match="ReduceLROnPlateau"):
        train.train_epoch(
            model, loader(), nn.CrossEntropyLoss(), optimizer, scheduler=ReduceLROnPlateau(optimizer)
        )


class Interrupting:
    """A loader that is interrupted at its n-th batch, as the stop button does it."""

    def __init__(self, at):
        self.at, self.count = at, 0

    def __len__(self):
        return len(loader())

    def __iter__(self):
        for batch in loader():
            self.count += 1
            if self.count == self.at:
                raise KeyboardInterrupt
            yield batch


@pytest.mark.parametrize("at, whole", [(1, 0), (7, 1), (15, 2)])
def test_an_interrupt_keeps_the_whole_epochs_and_a_usable_model(at, whole, capsys):
    model = network()
    history = train.fit(model, Interrupting(at), loader(), epochs=5, optimizer=sgd(model))
    assert len(history) == len(history.test_accuracy) == whole
    assert not model.training
    assert f"interrupted in epoch {whole + 1} of 5" in capsys.readouterr().out
    history.plot()
    assert str(whole) in str(history)[-200:] or whole == 0
    assert train.evaluate(model, loader(), nn.CrossEntropyLoss()).images == COUNT


def test_a_loss_that_is_not_finite_stops_at_once_and_says_where_and_why():
    model = network()
    images, labels = images_and_labels()
    images[40, 0, 2, 3:5] = math.nan  # image 40 is in the third batch of 16
    spoilt = DataLoader(TensorDataset(images, labels), batch_size=16)
    message = "training loss became nan at epoch 1, step 3.* 2 of the batch's 576"
    with pytest.raises(train.LossNotFinite, match=message):
        train.fit(model, spoilt, loader(), epochs=2, optimizer=sgd(model), progress=False)
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_a_loss_that_explodes_later_keeps_the_history_before_it():
    class Exploding(nn.CrossEntropyLoss):
        calls = 0

        def forward(self, outputs, labels):
            Exploding.calls += 1
            return super().forward(outputs, labels) * (math.inf if Exploding.calls == 13 else 1)

    model = network()
    optimizer, loss_fn = sgd(model, lr=0.5), Exploding()
    with pytest.raises(train.LossNotFinite) as caught:  # an epoch is 5 training and 5 test batches
        train.fit(model, loader(), loader(), epochs=3, optimizer=optimizer, loss_fn=loss_fn, progress=False)
    assert (caught.value.epoch, caught.value.step, len(caught.value.history)) == (2, 3, 1)
    assert "learning rate that is too high (now 0.5: try 0.05)" in str(caught.value)
    assert not model.training


def test_weights_that_are_not_finite_are_named():
    model = network()
    with torch.no_grad():
        model[1].weight[0, 0] = math.nan
    message = r"test loss became nan at step 1.*1 of 9 parameters and buffers.*first: 1\.weight"
    with pytest.raises(train.LossNotFinite, match=message):
        train.evaluate(model, loader(), nn.CrossEntropyLoss())


@pytest.mark.parametrize(
    "change, message",
    [
        ({"epochs": 0}, "at least 1, got 0"),
        ({"epochs": 2.5}, "got 2.5"),
        ({"train_loader": []}, "training loader is empty"),
        ({"test_loader": []}, "test loader is empty"),
        ({"model": nn.Flatten()}, "0 parameters"),
        ({"model": network(2)}, "6 of its 6 are not in this Sequential"),
    ],
)
def test_fit_refuses_before_the_first_step(change, message):
    model = network()
    arguments = {"model": model, "train_loader": loader(), "test_loader": loader(), "epochs": 1} | change
    with pytest.raises(ValueError, match=message):
        train.fit(optimizer=sgd(model), progress=False, **arguments)


def test_fit_refuses_a_model_with_every_parameter_frozen():
    model = network()
    optimizer = sgd(model)
    model.requires_grad_(False)
    with pytest.raises(ValueError, match="6 parameters, 0 of them"):
        train.fit(model, loader(), loader(), epochs=1, optimizer=optimizer)


@pytest.mark.parametrize(
    "labels, message",
    [
        (torch.full((COUNT,), CLASSES), "from 4 to 4, but the model has 4 outputs, so they must lie in 0..3"),
        (torch.full((COUNT,), -1), "from -1 to -1"),
        (torch.zeros(COUNT), "torch.float32"),
    ],
)
def test_wrong_labels_are_refused_with_the_numbers(labels, message):
    model = network()
    with pytest.raises(ValueError, match=message):
        train.train_epoch(model, loader(labels=labels), nn.CrossEntropyLoss(), sgd(model))
    with pytest.raises(ValueError, match=message):
        train.evaluate(model, loader(labels=labels), nn.CrossEntropyLoss())


def test_a_model_that_does_not_end_in_classes_is_told_its_shape():
    model = nn.Conv2d(1, 4, 3)
    with pytest.raises(ValueError, match=r"\(16, 4, 4, 4\) for 16 labels"):
        train.evaluate(model, loader(), nn.CrossEntropyLoss())


def test_a_pass_over_nothing_is_an_error_not_a_division_by_zero():
    with pytest.raises(ValueError, match="0 batches"):
        train.evaluate(network(), [], nn.CrossEntropyLoss())


def test_in_a_terminal_fit_prints_a_line_an_epoch(capsys):
    model = network()
    train.fit(model, loader(), loader(), epochs=2, optimizer=sgd(model))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[:2]] == ["1/2", "2/2"]
    assert lines[2].startswith("2 epochs in ")
