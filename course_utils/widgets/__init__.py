"""The interactive parts of the lessons, each also shown as a static picture where there is no kernel."""
