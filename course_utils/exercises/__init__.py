"""The exercises of the course: one file per lesson, imported in its notebook as `ex`."""
