"""What lessons say, as the tests of their claims ask."""

from dashboard import lessons, pages


def told(path: str, view: str = "") -> lessons.Lesson:
    """The lesson of a view."""
    found = lessons.lesson(pages.named(path), view)
    assert found is not None
    return found


def right(path: str, view: str = "") -> str:
    """The choice that is right in what its visitor predicts."""
    asked = told(path, view).predict
    assert asked is not None
    return asked.choices[asked.right]
