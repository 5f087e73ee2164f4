"""The interactive parts of the lessons, each also shown as a static picture where there is no kernel."""

from course_utils.widgets.conv_explorer import ConvExplorer
from course_utils.widgets.descent_explorer import DescentExplorer
from course_utils.widgets.digit_pad import DigitPad
from course_utils.widgets.feature_maps import FeatureMaps
from course_utils.widgets.shape_form import ShapeForm

__all__ = ["ConvExplorer", "DescentExplorer", "DigitPad", "FeatureMaps", "ShapeForm"]
