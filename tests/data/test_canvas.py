import numpy as np
import pytest

from course_utils.data.canvas import SIZE, Canvas, Dice

INK = np.ones((1, 3, 1, 1), np.float32)


def blank() -> Canvas:
    """One black picture whose unit is a pixel."""
    grid = np.arange(SIZE, dtype=np.float32)
    x, y = np.broadcast_to(grid, (1, SIZE, SIZE)), np.broadcast_to(grid[:, None], (1, SIZE, SIZE))
    return Canvas(x, y, 1.0, np.zeros((1, 3, SIZE, SIZE), np.float32))


@pytest.mark.parametrize(
    "shape, arguments, area",
    [
        ("disc", (16, 16, 10), np.pi * 10**2),
        ("disc", (16.3, 15.8, 0.9), np.pi * 0.9**2),
        ("ellipse", (15, 17, 12, 6), np.pi * 12 * 6),
        ("limb", (8, 10, 3, 24, 22, 3), 20 * 6 + np.pi * 3**2),
        ("limb", (16, 16, 5, 16, 16, 5), np.pi * 5**2),
        ("polygon", ([(4, 4), (28, 8), (20, 26)],), abs(24 * 22 - 16 * 4) / 2),
        ("polygon", ([(4, 4), (20, 26), (28, 8)],), abs(24 * 22 - 16 * 4) / 2),
        ("polygon", ([(4.5, 5), (20, 5), (20, 12.3), (4.5, 12.3)],), 15.5 * 7.3),
    ],
)
def test_a_shape_puts_down_as_much_ink_as_its_area(shape, arguments, area):
    canvas = blank()
    getattr(canvas, shape)(*arguments, INK)
    assert canvas.image[0, 0].sum() == pytest.approx(area, rel=0.03, abs=0.3)
    assert canvas.image.min() >= 0 and canvas.image.max() <= 1


def test_later_shapes_cover_earlier_ones():
    canvas = blank()
    canvas.disc(16, 16, 8, INK)
    canvas.disc(16, 16, 3, 0.25 * INK)
    assert canvas.image[0, :, 16, 16].tolist() == [0.25] * 3
    assert canvas.image[0, :, 16, 22].tolist() == [1] * 3


def test_distance_is_to_the_nearest_shape():
    canvas = blank()
    canvas.disc(8, 16, 3, INK)
    canvas.limb(20, 10, 1, 20, 22, 1, INK)
    assert canvas.distance[0, 16, 13] == pytest.approx(2, abs=1e-3)  # from the disc, which ends at 11
    assert canvas.distance[0, 16, 17] == pytest.approx(2, abs=1e-3)  # from the limb, which begins at 19


def test_dice_are_even_and_repeatable():
    rolls = Dice(3, 10_000).uniform(2, 4)
    assert rolls.shape == (10_000, 1, 1) and rolls.dtype == np.float32
    assert (rolls == Dice(3, 10_000).uniform(2, 4)).all()
    assert np.histogram(rolls, bins=4, range=(2, 4))[0].min() > 2300
    assert Dice(3, 10_000).coin(0.2).mean() == pytest.approx(0.2, abs=0.02)
    assert sorted(Dice(3, 1).order(100)) == list(range(100))


def test_grain_is_noise_around_zero():
    grain = Dice(0, 20).grain()
    assert grain.shape == (20, 3, SIZE, SIZE) and grain.dtype == np.float32
    assert abs(grain).max() <= 1 and abs(grain.mean()) < 0.01
    assert grain.std() == pytest.approx(6**-0.5, rel=0.02)  # the difference of two even numbers 0..1
