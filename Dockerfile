# The last stage is the default image; `--target slim` makes a small one that runs the same bundles without TensorFlow.

# `--build-arg BASE=python:3.13-slim@sha256:...` builds from exactly this image; the default is the next line. Dependabot
# updates images that FROM names, but not those in ARG.
ARG BASE=base
FROM python:3.13-slim AS base


FROM ${BASE} AS installer

# pip installs into the environment from outside, so the image contains no installer.
RUN python -m venv --without-pip /opt/venv
ENV INSTALL="python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check --require-hashes"


FROM installer AS tensorflow-packages

COPY requirements/serving.txt /tmp/requirements.txt
# Delete TensorFlow's C++ headers and libclang, 350 MB that are only used to build extensions.
RUN $INSTALL -r /tmp/requirements.txt \
    && rm -rf /opt/venv/lib/python3*/site-packages/tensorflow/include /opt/venv/lib/python3*/site-packages/clang/native


FROM installer AS slim-packages

COPY requirements/numpy.txt /tmp/requirements.txt
# Delete what is only used to build models and extensions or to highlight source code.
RUN $INSTALL -r /tmp/requirements.txt \
    && cd /opt/venv/lib/python3*/site-packages \
    && rm -rf numpy/f2py numpy/_core/include pygments/lexers pygments/styles \
    && find . -type d -name tests -prune -exec rm -rf {} + \
    && find . \( -name '*.pyi' -o -name '*.pyx' -o -name '*.a' \) -delete


FROM ${BASE} AS service

RUN groupadd --system --gid 10001 sentiment \
    && useradd --system --uid 10001 --gid sentiment --home-dir /srv --no-create-home --shell /usr/sbin/nologin sentiment
WORKDIR /srv

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SENTIMENT_HOST=0.0.0.0 \
    SENTIMENT_PORT=8000
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 CMD ["python", "-c", \
    "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"SENTIMENT_PORT\"]}/health/ready', timeout=2)"]
# Exec form: the service is process 1 and receives signals directly.
CMD ["python", "-m", "app", "serve"]

ARG VERSION REVISION SOURCE
LABEL org.opencontainers.image.title="review-sentiment" \
    org.opencontainers.image.description="How likely is a movie review to be positive?" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.source="${SOURCE}"


# The environment first and the code last, so that a change in app/ rebuilds and pushes only its own small layer.
FROM service AS slim

COPY --from=slim-packages /opt/venv /opt/venv
COPY models models
COPY app app


FROM service AS tensorflow

COPY --from=tensorflow-packages /opt/venv /opt/venv
COPY models models
COPY app app
