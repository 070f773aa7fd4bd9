"""MLServer: the Open Inference Protocol (V2), with adaptive batching.

Batches of at most 32 requests that wait for at most 1 ms; its documentation recommends finding both by experiment
(https://docs.seldon.ai/mlserver/user-guide/adaptive-batching). The process that serves HTTP also scores:
`parallel_workers=0`; a pool of one or two workers was as fast
(https://docs.seldon.ai/mlserver/user-guide/parallel-inference). Metrics and compression are off. uvicorn runs on
httptools, which MLServer does not install.
"""

import asyncio
import logging
import tempfile

from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput

from benchmarks.peers.common import HOST, PORT, open_newest_classifier


class Sentiment(MLModel):  # type: ignore[misc] # MLServer is not installed where types are checked
    """Scores batches."""

    async def load(self) -> bool:
        """Load the model."""
        self._classifier = open_newest_classifier()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Score the reviews of a batch: from `text`, BYTES (reviews,), to `positive_probability`, FP32 (reviews,)."""
        (text,) = payload.inputs
        predictions = self._classifier.predict(StringCodec.decode_input(text))
        output = ResponseOutput(
            name="positive_probability",
            shape=[len(predictions)],
            datatype="FP32",
            data=[prediction.positive_probability for prediction in predictions],
        )
        return InferenceResponse(model_name=self.name, outputs=[output])


async def main(folder: str) -> None:
    """Serve until SIGTERM; MLServer's own files go into the folder."""
    settings = Settings(
        debug=False,
        host=HOST,
        http_port=PORT,
        grpc_port=0,  # any free port; it cannot be disabled
        metrics_endpoint=None,
        parallel_workers=0,
        gzip_enabled=False,
        load_models_at_startup=False,
        model_repository_root=folder,
        environments_dir=folder,
        metrics_dir=folder,
    )
    model = ModelSettings(name="imdb", implementation=Sentiment, max_batch_size=32, max_batch_time=0.001)
    await MLServer(settings).start([model])


if __name__ == "__main__":
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory(prefix="mlserver-") as temporary:
        asyncio.run(main(temporary))
