# NovaCore's server in one image: the web app is built, packages come by their hashes, and what
# runs is one user without rights and one folder, /data.
#
#   docker build -t novacore .
#
# Python 3.11 is the oldest that is supported, and the one that every release is tested with.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /build

# The web app: node comes from a wheel, its packages as web/package-lock.json locks them.
COPY requirements requirements
COPY tools/web.py tools/web.py
COPY web web
RUN python tools/web.py build

# What the server stands on. Of the developers' packages it needs one: the client of Valkey.
RUN sed -n '/^redis==/,/[^\\]$/p' requirements/dev.txt > requirements/redis.txt \
    && python -m venv /opt/nova \
    && /opt/nova/bin/pip install --require-hashes --no-deps \
        -r requirements/local.txt -r requirements/redis.txt

# NovaCore itself, as the wheel that anybody else installs.
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY src src
RUN python -m venv /opt/tools \
    && /opt/tools/bin/pip install --require-hashes -r requirements/build.txt \
    && /opt/tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /opt/wheels . \
    && /opt/nova/bin/pip install --no-deps --no-index --find-links /opt/wheels novacore


FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="NovaCore" \
      org.opencontainers.image.description="A home for AI agents and chat that never forget" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 nova \
    && useradd --uid 10001 --gid nova --no-create-home --home-dir /data --shell /usr/sbin/nologin nova \
    && install -d -o nova -g nova -m 0700 /data
COPY --from=build /opt/nova /opt/nova
ENV PATH=/opt/nova/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/data \
    NOVA_DATA_DIR=/data \
    NOVA_SERVER_HOST=0.0.0.0 \
    NOVA_SERVER_PORT=8080
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
# It listens beyond loopback, so it starts only with a certificate, or behind a proxy that is named
# in NOVA_SERVER_TRUSTED_PROXIES, and with NOVA_SERVER_PUBLIC_URL.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8080, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
# SIGTERM lets running answers finish: give `docker stop` 40 seconds.
STOPSIGNAL SIGTERM
ENTRYPOINT ["nova"]
CMD ["serve"]
