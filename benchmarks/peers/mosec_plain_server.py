"""mosec as its users would write it: the book's code behind two workers, without anything from this repository's app.

The model is the SavedModel of models/imdb/1, called through its signature. Text, word index and multi-hot rows are
plain Python and NumPy, as in the book and in Keras' `text_to_word_sequence`, so typographic quotes and dashes are not
normalised. mosec is configured as in `mosec_server`, and TensorFlow gets one thread per worker, as each has one core.
"""

import json
import os
from pathlib import Path
from typing import Any

os.environ |= {
    "MOSEC_ADDRESS": "127.0.0.1",
    "MOSEC_PORT": os.environ["PORT"],
    "MOSEC_LOG_LEVEL": "error",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}

import msgspec
import numpy as np
from mosec import Server, Worker

BUNDLE = Path("models/imdb/1")
COLUMNS = 10_000
START, UNKNOWN = 1, 2
SEPARATORS = str.maketrans(dict.fromkeys('!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n', " "))


class SentimentWorker(Worker):  # type: ignore[misc] # mosec is not installed where types are checked
    """Scores batches; each process has one."""

    def __init__(self) -> None:
        super().__init__()
        import tensorflow as tf  # in the worker: the main process needs none

        self._word_index: dict[str, int] = json.loads((BUNDLE / "word_index.json").read_text())
        self._model = tf.saved_model.load(str(BUNDLE))
        self._predict = self._model.signatures["serving_default"]
        self._constant = tf.constant

    def deserialize(self, data: bytes) -> Any:
        """Parse a request body."""
        return msgspec.json.decode(data)

    def serialize(self, data: Any) -> bytes:
        """Write a response body."""
        body: bytes = msgspec.json.encode(data)
        return body

    def forward(self, data: list[Any]) -> list[Any]:
        """Score the reviews of all requests in a batch at once."""
        reviews = [review for request in data for review in request["reviews"]]
        multi_hot = np.zeros((len(reviews), COLUMNS), np.float32)  # (reviews, vocabulary)
        for row, review in zip(multi_hot, reviews, strict=True):
            words = review.lower().translate(SEPARATORS).split()
            row[[self._word_index.get(word, UNKNOWN) for word in words]] = 1
            row[START] = 1
        output = self._predict(multi_hot=self._constant(multi_hot))
        probabilities = iter(output["positive_probability"].numpy()[:, 0].tolist())
        return [
            {"predictions": [{"positive_probability": next(probabilities)} for _ in request["reviews"]]}
            for request in data
        ]


if __name__ == "__main__":
    server = Server()
    server.append_worker(SentimentWorker, num=2, max_batch_size=16, max_wait_time=1, route="/predict")
    server.run()
