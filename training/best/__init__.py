"""The recipe `best`: a small network that learns from large linear models, on whole reviews and on sentences.

The network is as small as the book's, but its 10,000 columns hold some 100,000 terms of one to three words, of which
those with similar weights share a column; and it learns from 75,000 reviews, of which only a third are labelled.

Read `pipeline` first. It puts the other modules together in this order: `corpus`, `teachers`, `columns`, `training_set`
(with `phrases`), and trains the network. Their constants are in `recipe`.
"""

from training.best.pipeline import train_model, validate_model
from training.best.recipe import VARIANTS, Best

__all__ = ["VARIANTS", "Best", "train_model", "validate_model"]
