# One image holds one service and can run any role of it:
#   docker build --build-arg SERVICE=programs -t tuntas-programs .
#   docker run tuntas-programs serve programs --agency dinkop-samarinda
# It gets shared/ and its own folder only, so that every build proves that the service stands alone.
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
ARG SERVICE
# Where packages come from is the builder's affair: nothing of it stays in the image.
ARG PIP_INDEX_URL
ARG PIP_CERT
ARG UV_DEFAULT_INDEX
ARG SSL_CERT_FILE
ENV UV_PROJECT_ENVIRONMENT=/opt/tuntas/venv UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never
RUN python -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir --quiet uv==0.13.9
WORKDIR /build
COPY pyproject.toml uv.lock ./
RUN test -n "$SERVICE" || { echo "say which service: --build-arg SERVICE=programs" >&2; exit 1; } \
 && /opt/uv/bin/uv sync --frozen --no-dev --no-install-project --no-cache --quiet --extra "$SERVICE"

FROM ${PYTHON}
ARG SERVICE
LABEL org.opencontainers.image.title="Tuntas ${SERVICE}" org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin tuntas \
 && install -d -o tuntas -g tuntas -m 0700 /var/lib/tuntas \
 && printf '#!/bin/sh\nexec python -m shared "$@"\n' >/usr/local/bin/tuntas && chmod 0755 /usr/local/bin/tuntas
COPY --from=build /opt/tuntas/venv /opt/tuntas/venv
WORKDIR /opt/tuntas/app
COPY shared shared
COPY services/__init__.py services/__init__.py
COPY services/${SERVICE} services/${SERVICE}
ENV PATH=/opt/tuntas/venv/bin:$PATH PYTHONPATH=/opt/tuntas/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    TUNTAS_HTTP_HOST=0.0.0.0 TUNTAS_HTTP_PORT=8000
USER tuntas
EXPOSE 8000
# Alive, not ready: a restart mends neither Kafka nor the database.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"TUNTAS_HTTP_PORT\"]}/livez', timeout=4)"]
ENTRYPOINT ["tuntas"]
CMD ["--help"]
