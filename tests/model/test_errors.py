"""The drawing of the tree of errors matches the classes."""

import inspect
import re

from app.model import errors


def test_drawing_has_every_class_of_the_module_and_no_other() -> None:
    drawn = re.findall(r"^[\W]*(\w+)  ", inspect.getdoc(errors) or "", re.MULTILINE)
    defined = [name for name, cls in inspect.getmembers(errors, inspect.isclass) if cls.__module__ == errors.__name__]
    assert sorted(drawn) == defined
