# Three images from one file: portal (no TensorFlow), airlock (no Django), worker (both).
#   docker build --target portal -t overread-portal .
# worker-gpu is the worker with NVIDIA's libraries.
ARG PYTHON=python:3.12-slim-bookworm

FROM ${PYTHON} AS base
# One group for all, so that they share the airlock's socket; two users, so that they share no more.
RUN groupadd --gid 10000 overread \
    && useradd --uid 10001 --gid overread --no-create-home --home-dir /tmp overread \
    && useradd --uid 10002 --gid overread --no-create-home --home-dir /tmp airlock
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    HOME=/tmp OVERREAD_LOG_FORMAT=json
WORKDIR /opt/overread

FROM base AS airlock
COPY requirements/airlock.txt requirements/
RUN pip install --require-hashes --only-binary :all: -r requirements/airlock.txt
COPY inference/*.py inference/
COPY inference/airlock inference/airlock
USER airlock
CMD ["python", "-m", "inference.airlock", "--socket", "/run/overread/airlock.sock", "--group-may-connect"]

FROM base AS portal
# pg_dump and pg_restore, for backup and restore; of the same version as the database or newer
RUN apt-get update && apt-get install --yes --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --mode 0700 --owner overread --group overread /data
COPY requirements/portal.txt requirements/
RUN pip install --require-hashes --only-binary :all: -r requirements/portal.txt
COPY manage.py ./
COPY portal portal
COPY worker worker
COPY templates templates
ENV DJANGO_SETTINGS_MODULE=portal.settings OVERREAD_DATA=/data
VOLUME /data
USER overread
EXPOSE 8000
CMD ["gunicorn", "--config", "python:worker.supervisor.gunicorn_conf", "--bind", "0.0.0.0:8000"]

FROM portal AS worker
USER root
COPY requirements/worker.txt requirements/
RUN pip install --require-hashes --only-binary :all: -r requirements/worker.txt
COPY inference inference
ENV KERAS_HOME=/tmp/keras TF_CPP_MIN_LOG_LEVEL=2
USER overread
CMD ["celery", "--quiet", "-A", "worker", "worker", "-P", "solo", "-Q", "inference", "-n", "inference@%h", "--without-gossip", "--without-mingle", "--without-heartbeat"]

FROM worker AS worker-gpu
USER root
# NVIDIA's wheels in the versions that the locked TensorFlow asks for; they are not in the lock
RUN pip install "tensorflow[and-cuda]==$(python -c 'from importlib.metadata import version; print(version("tensorflow"))')"
USER overread
