import pytest
import torch

from course_utils import plots


def test_the_grid_shows_each_pixel_where_it_belongs():
    images = torch.randint(0, 256, (3, 3, 4, 5), dtype=torch.uint8)
    figure = plots.image_grid(images, ["a", "b", "c"], columns=2, wrong=[False, True, False])
    for index, axes in enumerate(figure.axes[:3]):
        shown = torch.as_tensor(axes.images[0].get_array())
        assert torch.allclose(shown, images[index].permute(1, 2, 0).float() / 255)
    assert [axes.get_title() for axes in figure.axes[:3]] == ["a", "b", "c"]
    assert [axes.title.get_fontweight() for axes in figure.axes[:3]] == ["normal", "bold", "normal"]


def test_grey_images_are_drawn_on_a_fixed_scale():
    axes = plots.image_grid(torch.full((1, 1, 2, 2), 0.5)).axes[0]
    assert axes.images[0].get_clim() == (0, 1)
    assert axes.images[0].get_array().shape == (2, 2)


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 2, 4, 4), (0, 1, 4, 4)])
def test_the_grid_refuses_what_is_not_a_batch_of_images(shape):
    with pytest.raises(ValueError, match=str(shape[0])):
        plots.image_grid(torch.zeros(shape))


def test_the_grid_refuses_titles_that_do_not_number_the_images():
    with pytest.raises(ValueError, match="titles has 1 entries for 2 images"):
        plots.image_grid(torch.zeros(2, 1, 4, 4), ["one"])


def test_confusion_counts_true_classes_in_rows():
    labels, predictions = torch.tensor([0, 0, 1, 2, 2, 2]), torch.tensor([0, 1, 1, 2, 0, 0])
    assert plots.confusion_counts(labels, predictions, 3).tolist() == [[1, 1, 0], [0, 1, 0], [2, 0, 1]]
    axes = plots.confusion_matrix(labels, predictions, ["a", "b", "c"]).axes[0]
    shown = {(text.get_position()[1], text.get_position()[0]): text.get_text() for text in axes.texts}
    assert shown == {(0, 0): "1", (0, 1): "1", (1, 1): "1", (2, 0): "2", (2, 2): "1"}
    with pytest.raises(ValueError, match=r"\(6,\) and \(5,\)"):
        plots.confusion_counts(labels, predictions[:5], 3)
