# The worker in a small image: built and resolved in one stage, run without root and without build tools in the other.
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
# What compiles the hot path; none of it is in the image that runs.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY pyproject.toml hatch_build.py requirements.lock README.md LICENSE ./
COPY app ./app
COPY agents ./agents
COPY schemas ./schemas
# The lock also holds what only tests need: as constraints it fixes the versions of what the wheel asks for.
RUN sed -nE 's/^([A-Za-z0-9._-]+==[^ \\]+( *;[^\\]*)?).*/\1/p' requirements.lock >constraints.txt \
 && pip wheel --no-deps --wheel-dir dist . \
 && python -m venv /opt/faust-cdc \
 && /opt/faust-cdc/bin/pip install --constraint constraints.txt dist/*.whl

FROM ${PYTHON_IMAGE}
RUN groupadd --system --gid 10001 faust-cdc \
 && useradd --system --uid 10001 --gid faust-cdc --home-dir /var/lib/faust-cdc --create-home faust-cdc
COPY --from=build /opt/faust-cdc /opt/faust-cdc
# The data folder holds only what Kafka can give back; CONNECT_… variables are worker settings, as in Connect's images.
ENV PATH=/opt/faust-cdc/bin:$PATH PYTHONUNBUFFERED=1 CONNECT_DATA_DIR=/var/lib/faust-cdc/data
USER 10001:10001
WORKDIR /var/lib/faust-cdc
EXPOSE 8083
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8083/health', timeout=2)"]
ENTRYPOINT ["faust-cdc"]
CMD ["worker"]
