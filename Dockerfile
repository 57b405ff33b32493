# One image, two uses: `serve` on one machine, or a worker of a larger installation.
# BASE may be any Debian-like image with python3 >= 3.11 and its venv module.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
RUN python3 -m venv /opt/vedette
COPY deploy/locks/service.txt deploy/locks/service.txt
RUN /opt/vedette/bin/pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes --requirement deploy/locks/service.txt
COPY pyproject.toml README.md LICENSE ./
COPY protos protos
COPY models models
COPY pipelines pipelines
COPY scenes scenes
COPY service service
RUN /opt/vedette/bin/pip install --no-cache-dir --disable-pip-version-check hatchling \
    && /opt/vedette/bin/pip install --no-cache-dir --disable-pip-version-check \
        --no-deps --no-build-isolation . \
    && /opt/vedette/bin/pip uninstall --yes --quiet hatchling pip setuptools

FROM ${BASE}
# opencv-python links against these; nothing else of a desktop is needed.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/vedette vedette
COPY --from=build /opt/vedette /opt/vedette
ENV PATH=/opt/vedette/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    VEDETTE_DATA_DIR=/var/lib/vedette/data \
    VEDETTE_LISTEN=0.0.0.0:7443
USER vedette
WORKDIR /var/lib/vedette
VOLUME /var/lib/vedette
EXPOSE 7443
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["vedette", "health"]
ENTRYPOINT ["vedette"]
CMD ["serve"]
