"""Drawings of the ten CIFAR-10 classes: one recipe a class, each a handful of shapes.

A recipe draws many pictures at once. A plain number is the same in all of them; a roll of the dice
differs from picture to picture. The subject faces right and fits between -1 and 1; y runs down.
"""

import numpy as np

from .canvas import SIZE, Canvas, Dice, Number
from .scenes import background, photograph, pose


class Pen(Canvas):
    """A canvas with the colours of one subject, none of which tells its class."""

    def __init__(self, dice: Dice, lightness: np.ndarray):
        outline = dice.color(lightness * np.float32(0.35), 0.1)
        image = np.zeros((dice.count, 3, SIZE, SIZE), np.float32) + outline  # what no shape covers
        super().__init__(*pose(dice), image)
        self.main = dice.color(lightness)
        self.far = self.main * np.float32(0.7)  # the same paint on the far side
        self.accent = dice.color(dice.uniform(0.1, 0.9))
        self.dark = dice.color(dice.uniform(0.05, 0.15), 0.05)
        self.light = dice.color(dice.uniform(0.85, 0.95), 0.1)

    def eye(self, x: Number, y: Number, radius: Number) -> None:
        self.disc(x, y, radius, self.light)
        self.disc(x + radius * 0.2, y, radius * 0.6, self.dark)

    def wheel(self, x: Number, y: Number, radius: Number) -> None:
        self.disc(x, y, radius, self.dark)
        self.disc(x, y, radius * 0.45, self.light)

    def legs(self, dice: Dice, back: float, front: float, top: float, ground: float, thick: float) -> None:
        """Four legs in mid-step."""
        for x, color in ((back, self.far), (front, self.far), (back, self.main), (front, self.main)):
            self.limb(x, top, thick * 1.4, x + dice.uniform(-0.16, 0.16), ground, thick, color)


def airplane(pen: Pen, dice: Dice) -> None:
    near, far = dice.uniform(0.45, 0.85), dice.uniform(0.35, 0.75)
    pen.polygon([(0.2, -0.05), (-0.15, -0.05), (-0.45, -far), (-0.25, -far)], pen.far)  # far wing
    pen.polygon([(-0.6, 0), (-0.85, 0), (-0.95, -0.28), (-0.8, -0.28)], pen.far)  # far tailplane
    pen.limb(-0.85, -0.02, 0.06, 0.75, 0, 0.16, pen.main)  # fuselage
    pen.polygon([(-0.6, -0.08), (-0.95, -0.05), (-1.0, -0.45), (-0.85, -0.45)], pen.accent)  # fin
    pen.polygon([(0.25, 0.05), (-0.15, 0.05), (-0.5, near), (-0.25, near)], pen.main)  # near wing
    pen.polygon([(-0.6, 0.03), (-0.85, 0.03), (-1.0, 0.3), (-0.85, 0.3)], pen.main)  # near tailplane
    pen.limb(-0.5, -0.07, 0.03, 0.5, -0.07, 0.03, pen.dark)  # windows
    pen.disc(0.72, -0.06, 0.07, pen.dark)  # cockpit


def automobile(pen: Pen, dice: Dice) -> None:
    roof, back = dice.uniform(-0.6, -0.35), dice.uniform(-0.95, -0.55)
    pen.polygon([(back, 0), (back + 0.25, roof), (0.2, roof), (0.55, 0)], pen.main)  # cabin
    top = roof + 0.09  # of the windows
    pen.polygon([(back + 0.12, 0), (back + 0.3, top), (-0.2, top), (-0.2, 0)], pen.light)
    pen.polygon([(-0.1, 0), (-0.1, top), (0.16, top), (0.4, 0)], pen.light)
    pen.limb(-0.8, 0.16, 0.18, 0.8, 0.18, 0.17, pen.main)  # body
    pen.limb(-0.9, 0.28, 0.05, 0.9, 0.28, 0.05, pen.far)  # sill
    for x in (-0.52, 0.52):
        pen.wheel(x, 0.34, 0.21)
    pen.disc(0.9, 0.1, 0.08, pen.light)  # lamp


def bird(pen: Pen, dice: Dice) -> None:
    lift = dice.uniform()  # 0: wings folded, 1: wings up
    pen.polygon([(0.2, -0.05), (-0.2, 0.1), (-0.3 - 0.2 * lift, 0.2 - 1.1 * lift)], pen.far)  # far wing
    for x in (-0.05, 0.1):
        pen.limb(x, 0.2, 0.035, x + 0.02, 0.72, 0.03, pen.dark)  # leg
        pen.limb(x + 0.02, 0.72, 0.03, x + 0.14, 0.72, 0.03, pen.dark)  # toes
    pen.polygon([(-0.3, 0), (-0.3, 0.2), (-0.95, 0.42), (-0.95, 0.2)], pen.far)  # tail
    pen.limb(-0.25, 0.12, 0.18, 0.2, 0, 0.28, pen.main)  # body
    pen.disc(0.42, -0.32, 0.22, pen.main)  # head
    pen.polygon([(0.56, -0.45), (0.95, -0.27), (0.56, -0.2)], pen.accent)  # beak
    pen.polygon([(0.25, -0.08), (-0.25, 0.2), (-0.6, 0.3 - 1.2 * lift)], pen.accent)  # near wing
    pen.eye(0.48, -0.37, 0.08)


def cat(pen: Pen, dice: Dice) -> None:
    turn, tip = dice.uniform(-0.1, 0.1), dice.uniform(0.75, 0.95)
    pen.limb(0.3, 0.75, 0.1, tip, 0.5, 0.09, pen.far)  # tail
    pen.limb(tip, 0.5, 0.09, tip - 0.1, dice.uniform(-0.2, 0.1), 0.07, pen.far)
    pen.limb(0, 0.1, 0.28, 0, 0.6, 0.38, pen.main)  # body
    for x in (-0.2, 0.2):
        pen.limb(x, 0.5, 0.1, x, 0.9, 0.1, pen.accent)  # paw
    for side in (-1, 1):
        pen.polygon([(side * 0.08, -0.5), (side * 0.46, -0.3), (side * 0.44, -0.98)], pen.main)  # ear
        pen.polygon([(side * 0.2, -0.55), (side * 0.38, -0.45), (side * 0.38, -0.82)], pen.accent)
    pen.ellipse(0, -0.3, 0.48, 0.38, pen.main)  # head
    for side in (-1, 1):
        pen.ellipse(turn + side * 0.2, -0.36, 0.11, 0.1, pen.light)  # eye
        pen.ellipse(turn + side * 0.2, -0.36, 0.05, 0.1, pen.dark)
        for y in (-0.2, -0.08):
            pen.limb(turn + side * 0.15, -0.15, 0.02, side * 0.7, y, 0.02, pen.light)  # whisker
    pen.polygon([(turn - 0.08, -0.22), (turn + 0.08, -0.22), (turn, -0.12)], pen.dark)  # nose


def deer(pen: Pen, dice: Dice) -> None:
    grown = dice.uniform(0.4, 1.1)  # the antlers
    pen.legs(dice, -0.5, 0.25, 0.25, 0.95, 0.05)
    pen.limb(-0.5, 0.15, 0.19, 0.25, 0.17, 0.19, pen.main)  # body
    pen.limb(-0.68, 0.05, 0.09, -0.74, 0.17, 0.06, pen.light)  # tail
    pen.limb(0.28, 0.12, 0.15, 0.48, -0.28, 0.09, pen.main)  # neck
    pen.limb(0.45, -0.32, 0.13, 0.78, -0.18, 0.07, pen.main)  # head
    for lean in (-0.27, 0.1):
        x, y = 0.42 + grown * lean, -0.4 - 0.25 * grown
        pen.limb(0.42, -0.38, 0.055, x, y, 0.05, pen.light)
        pen.limb(x, y, 0.05, x + 0.15 * grown, y - 0.27 * grown, 0.04, pen.light)
        pen.limb(x, y, 0.05, x - 0.2 * grown, y - 0.2 * grown, 0.04, pen.light)
    pen.polygon([(0.36, -0.38), (0.42, -0.28), (0.15, -0.36)], pen.far)  # ear
    for x, y in ((-0.5, 0.08), (-0.25, 0.17), (0, 0.08)):
        pen.disc(x, y, 0.05, pen.light)  # spot
    pen.disc(0.52, -0.33, 0.045, pen.dark)  # eye


def dog(pen: Pen, dice: Dice) -> None:
    sit, step, wag = dice.uniform(), dice.uniform(-0.12, 0.12), dice.uniform(-0.2, 0.1)
    hip = 0.2 + 0.3 * sit
    pen.limb(-0.6, hip, 0.08, -0.9 + wag, hip - 0.5, 0.05, pen.main)  # tail
    for shift, color in ((-step, pen.far), (step, pen.main)):
        pen.limb(-0.45 + shift, hip, 0.16, -0.42 - shift, 0.82, 0.1, color)  # hind leg
        pen.limb(0.25, 0.2, 0.13, 0.25 + shift, 0.82, 0.09, color)  # foreleg
    pen.limb(-0.42, hip, 0.24, 0.22, 0.1, 0.24, pen.main)  # body
    pen.limb(0.66, -0.1, 0.08, 0.7, dice.uniform(-0.1, 0.12), 0.08, pen.accent)  # tongue
    pen.disc(0.38, -0.35, 0.33, pen.main)  # head
    pen.limb(0.5, -0.22, 0.2, 0.82, -0.19, 0.14, pen.main)  # muzzle
    pen.disc(0.92, -0.28, 0.1, pen.dark)  # nose
    pen.limb(0.2, -0.55, 0.11, 0.06, -0.05, 0.16, pen.accent)  # ear
    pen.eye(0.5, -0.45, 0.1)


def frog(pen: Pen, dice: Dice) -> None:
    wide = dice.uniform(0.5, 0.62)
    for side in (-1, 1):
        pen.limb(side * 0.5, 0.45, 0.2, side * 0.8, 0.15, 0.14, pen.far)  # thigh
        pen.limb(side * 0.8, 0.2, 0.1, side * 0.75, 0.62, 0.09, pen.far)  # shank
        pen.limb(side * 0.72, 0.66, 0.07, side * 0.98, 0.68, 0.06, pen.far)  # foot
    pen.ellipse(0, 0.25, wide, 0.42, pen.main)  # belly
    for side in (-1, 1):
        pen.disc(side * 0.32, -0.38, 0.2, pen.main)  # brow
        pen.limb(side * 0.25, 0.35, 0.08, side * 0.3, 0.66, 0.08, pen.far)  # foreleg
    pen.ellipse(0, -0.12, 0.6, 0.34, pen.main)  # head
    for side in (-1, 1):
        pen.disc(side * 0.32, -0.42, 0.14, pen.light)  # eye
        pen.disc(side * 0.32, -0.42, 0.08, pen.dark)
        pen.limb(0, 0.06, 0.03, side * 0.42, -0.04, 0.03, pen.dark)  # half the mouth


def horse(pen: Pen, dice: Dice) -> None:
    head, fall = dice.uniform(-0.65, -0.45), dice.uniform(0.2, 0.65)
    pen.limb(-0.7, -0.02, 0.08, -0.88, fall, 0.09, pen.accent)  # tail
    pen.legs(dice, -0.5, 0.25, 0.2, 0.93, 0.07)
    pen.limb(-0.48, 0.08, 0.24, 0.25, 0.1, 0.22, pen.main)  # body
    pen.limb(0.08, -0.15, 0.1, 0.36, head - 0.1, 0.13, pen.accent)  # mane
    pen.limb(0.28, 0.0, 0.19, 0.48, head, 0.13, pen.main)  # neck
    pen.limb(0.48, head, 0.14, 0.8, head + 0.32, 0.09, pen.main)  # head
    pen.polygon([(0.4, head - 0.1), (0.55, head - 0.1), (0.5, head - 0.32)], pen.main)  # ear
    pen.disc(0.56, head, 0.05, pen.dark)  # eye


def ship(pen: Pen, dice: Dice) -> None:
    roof, gone = dice.uniform(-0.3, -0.15), 5 * dice.coin()  # sails 5 units away are out of sight
    pen.limb(0.1, 0.1, 0.03, 0.1, -0.95, 0.03, pen.dark)  # mast
    pen.polygon([(0.2 - gone, -0.9), (0.75 - gone, 0.05), (0.2 - gone, 0.05)], pen.accent)  # sails
    pen.polygon([(0.02 - gone, -0.8), (0.02 - gone, 0.05), (-0.6 - gone, 0.05)], pen.light)
    pen.polygon([(-0.5, roof - 0.25), (-0.25, roof - 0.25), (-0.25, 0.1), (-0.5, 0.1)], pen.accent)  # funnel
    pen.polygon([(-0.6, roof), (0.4, roof), (0.45, 0.1), (-0.6, 0.1)], pen.light)  # cabin
    for x in (-0.4, -0.1, 0.2):
        pen.disc(x, roof + 0.15, 0.07, pen.dark)  # porthole
    pen.polygon([(-0.9, 0.08), (1.0, 0.08), (0.65, 0.5), (-0.7, 0.5)], pen.main)  # hull
    pen.limb(-0.85, 0.12, 0.04, 0.9, 0.12, 0.04, pen.far)  # rail
    for x in (-0.8, -0.25, 0.3):
        pen.limb(x, 0.52, 0.05, x + 0.45, 0.52, 0.03, pen.light)  # wave


def truck(pen: Pen, dice: Dice) -> None:
    top, split = dice.uniform(-0.7, -0.2), dice.uniform(0.2, 0.35)
    pen.limb(-0.9, 0.3, 0.06, 0.9, 0.3, 0.06, pen.dark)  # chassis
    pen.polygon([(-0.98, top), (split - 0.05, top), (split - 0.05, 0.28), (-0.98, 0.28)], pen.accent)  # load
    cab = [(split, -0.35), (0.75, -0.35), (0.92, 0.0), (0.95, 0.3), (split, 0.3)]
    pen.polygon(cab, pen.main)
    pen.polygon([(split + 0.15, -0.26), (0.7, -0.26), (0.84, 0.0), (split + 0.15, 0)], pen.light)  # window
    for x in (-0.72, -0.34, 0.62):
        pen.wheel(x, 0.38, 0.18)
    pen.disc(0.9, 0.16, 0.06, pen.light)  # lamp


# Each recipe with its usual scene, in the order of CIFAR-10's labels.
RECIPES = {
    airplane: "sky",
    automobile: "road",
    bird: "sky",
    cat: "room",
    deer: "forest",
    dog: "field",
    frog: "forest",
    horse: "field",
    ship: "sea",
    truck: "road",
}


def draw(recipe, dice: Dice) -> np.ndarray:
    """dice.count pictures by one recipe, in random pose, surroundings and light: uint8 [count, 3, 32, 32]."""
    image, behind = background(dice, RECIPES[recipe])
    contrast = dice.uniform(0.2, 0.45)
    pen = Pen(dice, np.where(behind > 0.5, behind - contrast, behind + contrast))
    recipe(pen, dice)
    edge = dice.uniform(0.6, 1.3)  # 0.5 is the edge of the shapes: the outline is at most 0.8 pixels wide
    image += np.clip(edge - pen.distance, 0, 1)[:, None] * (pen.image - image)
    return photograph(image, dice)
