import pytest

from course_utils.history import History


def three_epochs():
    history = History()
    history.add(1.2, 0.5, 1.1, 0.55, 3.0)
    history.add(0.8, 0.7, 0.9, 0.75, 3.1)
    history.add(0.5, 0.8, 1.0, 0.75, 3.2)
    return history


def test_best_is_the_first_of_the_highest_test_accuracies():
    assert three_epochs().best == (2, 0.75, 0.9)


def test_best_of_nothing_is_an_error_that_says_so():
    with pytest.raises(ValueError, match="0 whole epochs"):
        _ = History().best


def test_text_and_html_hold_every_number():
    lines = str(three_epochs()).splitlines()
    assert lines[2].split() == ["2", "0.8000", "70.00%", "0.9000", "75.00%", "3.1"]
    assert len({len(line) for line in lines}) == 1
    html = three_epochs()._repr_html_()
    assert html.count("<tr>") == 4 and "75.00%" in html


def test_plot_draws_train_and_test_of_loss_and_accuracy():
    figure = three_epochs().plot()
    drawn = [[list(line.get_ydata()) for line in axes.get_lines()] for axes in figure.axes]
    assert drawn == [[[1.2, 0.8, 0.5], [1.1, 0.9, 1.0]], [[0.5, 0.7, 0.8], [0.55, 0.75, 0.75]]]
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "accuracy"]
    assert all(list(axes.get_lines()[0].get_xdata()) == [1, 2, 3] for axes in figure.axes)


def test_plot_of_an_empty_history_says_so():
    assert [axes.texts[0].get_text() for axes in History().plot().axes] == ["no whole epoch yet"] * 2
