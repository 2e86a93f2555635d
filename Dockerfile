# One image for every process of the platform; EXCHANGER_CONTEXT says which application it serves.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
WORKDIR /app
COPY requirements.txt .
# The local servers and the tools of the tests stand below the mark, and stay out.
RUN sed '/^# The image ends here/,$d' requirements.txt > /tmp/requirements.txt \
    && python -m venv --without-pip /venv \
    && pip --python /venv/bin/python --disable-pip-version-check install --no-cache-dir -r /tmp/requirements.txt
COPY . .
RUN STATIC_ROOT=/app/static /venv/bin/python manage.py collectstatic --noinput \
    && /venv/bin/python -m compileall -q .

FROM python:${PYTHON}-slim
# docker-compose.yml runs Redis as the same user, who then owns the file of its users.
RUN groupadd --gid 10001 exchanger \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin exchanger \
    && install -d -o exchanger -g exchanger -m 0700 /users /reports
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    STATIC_ROOT=/app/static \
    GRANIAN_HOST=0.0.0.0 \
    GRANIAN_PORT=8000 \
    GRANIAN_WORKERS=2
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-m", "exchanger.probe"]
# Each thread keeps a connection to each of its databases, so it should outlive a pause between requests, and
# workers × threads × databases stay below a role's limit of 60 connections.
CMD ["granian", "--interface", "wsgi", "--no-ws", "--blocking-threads", "4", "--blocking-threads-idle-timeout", "600", "exchanger.wsgi:application"]
