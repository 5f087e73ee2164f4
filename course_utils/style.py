"""Colours and type sizes of every figure in the course."""

# Okabe and Ito, "Color Universal Design" (2008): eight colours that people with any colour vision tell apart.
COLORS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermillion": "#D55E00",
    "sky": "#56B4E9",
    "purple": "#CC79A7",
    "yellow": "#F0E442",
    "black": "#000000",
}
MAGNITUDE = "cividis"


def apply() -> None:
    """Set matplotlib's defaults: Okabe-Ito colour cycle, cividis for magnitude, text of at least 9 pt."""
    import matplotlib
    from cycler import cycler

    # The white background is set so that a figure reads the same in JupyterLab's light and dark themes.
    matplotlib.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=list(COLORS.values())[:6]),
            "image.cmap": MAGNITUDE,
            "image.interpolation": "nearest",  # a pixel is a square, not a smooth spot; and the file is half as large
            "font.size": 10,
            "axes.titlesize": 10,
            "axes.labelsize": 10,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "legend.fontsize": 9,
            "figure.dpi": 80,
            "figure.figsize": (6.4, 3.2),
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )
