"""The models that the course derives, and a way to write a small one in a line."""

import torch.nn.functional as F
from torch import nn


class LessonNet(nn.Module):
    """The network of lesson 3."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, kernel_size=3)
        self.conv2 = nn.Conv2d(64, 64, kernel_size=3)
        self.conv3 = nn.Conv2d(64, 128, kernel_size=3)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(512, 256)
        self.fc2 = nn.Linear(256, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.pool(F.relu(self.conv3(x)))
        x = x.flatten(1)
        return self.fc2(F.relu(self.fc1(x)))


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5, padding=2),
        nn.Sigmoid(),
        nn.AvgPool2d(2),
        nn.Conv2d(6, 16, kernel_size=5),
        nn.Sigmoid(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.Sigmoid(),
        nn.Linear(120, 84),
        nn.Sigmoid(),
        nn.Linear(84, 10),
    )


def dcgan_generator():
    """100 random numbers, as a 1×1 map of 100 channels, to a 64×64 colour image (Radford et al. 2015)."""
    layers, channels = [], 100
    for out, stride, padding in [(512, 1, 0), (256, 2, 1), (128, 2, 1), (64, 2, 1)]:
        layers += [nn.ConvTranspose2d(channels, out, 4, stride, padding, bias=False)]
        layers += [nn.BatchNorm2d(out), nn.ReLU()]
        channels = out
    return nn.Sequential(*layers, nn.ConvTranspose2d(64, 3, 4, 2, 1, bias=False), nn.Tanh())


def net(run, **modules):
    """A model with these modules; run(self, x) is its forward."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            for name, module in modules.items():
                setattr(self, name, module)

        def forward(self, x):
            return run(self, x)

    return Net()
