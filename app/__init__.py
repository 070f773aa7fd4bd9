"""The online half: a REST service that scores movie reviews with a trained bundle."""

__version__ = "0.3.0"
