"""The ceiling: FastAPI with this service's request and response models, which returns constant predictions.

It shows the maximum speed of a service that does nothing but FastAPI's work. uvicorn runs it like the service, on
uvloop and httptools.
"""

from fastapi import FastAPI

from app.api.schemas import PredictRequest, PredictResponse

app = FastAPI()


@app.post("/predict", response_model_exclude_none=True)
async def predict(body: PredictRequest) -> PredictResponse:
    """Return the same prediction for every review."""
    prediction = {
        "positive_probability": 0.5,
        "sentiment": "positive",
        "uncertain": False,
        "words": 1,
        "known_words": 1,
    }
    return PredictResponse.model_validate(
        {"model": {"name": "imdb", "version": "0"}, "predictions": [prediction] * len(body.reviews)}
    )
