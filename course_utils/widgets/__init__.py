"""The interactive parts of the lessons, each also shown as a static picture where there is no kernel."""

from course_utils.widgets.conv_explorer import ConvExplorer

__all__ = ["ConvExplorer"]
