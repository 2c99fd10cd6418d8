# syntax=docker/dockerfile:1
# alpr-streamer: docker build -t alpr-streamer .   (arm64 too: docs/how-to/container.md)
#   BASE      any Debian or Ubuntu with Python 3.11 to 3.13 and its venv
#   EXTRAS    extras of the package
#   HARDWARE  1 keeps OpenVINO's parts for GPU and NPU
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
ARG EXTRAS=store,postgres,notify,web
ARG HARDWARE=0
ENV PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv /opt/alpr
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY models models
COPY configs configs
COPY tests/clips/demo.mp4 tests/clips/demo.mp4
COPY streamer streamer
# OpenCV without windows, and without what filterpy names but nothing here uses.
RUN /opt/alpr/bin/pip install ".[${EXTRAS}]" \
 && /opt/alpr/bin/pip uninstall -y opencv-python matplotlib fonttools pillow kiwisolver contourpy cycler pyparsing \
 && /opt/alpr/bin/pip install "opencv-python-headless>=5,<6"
# Bytecode is written by the commands below, of what they load: the environment cannot be written later.
COPY deploy/container/trim.py /src/trim.py
RUN /opt/alpr/bin/python trim.py ${HARDWARE} \
 && ln -s "$(/opt/alpr/bin/alpr demo --path)" /opt/alpr/demo.mp4 \
 && /opt/alpr/bin/alpr demo --csv /tmp/rows.csv \
 && test "$(wc -l < /tmp/rows.csv)" = 4 \
 && /opt/alpr/bin/alpr run /opt/alpr/demo.mp4 --store /tmp/rows.db --jsonl /tmp/rows.jsonl --quiet \
 && /opt/alpr/bin/alpr find --store /tmp/rows.db 9SDB273

FROM ${BASE}
LABEL org.opencontainers.image.title="alpr-streamer" \
      org.opencontainers.image.description="Licence plates from RTSP cameras and video files, on a plain CPU" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/alpr /opt/alpr
COPY --chmod=0755 deploy/container/health.py /opt/alpr/bin/alpr-health
RUN mkdir -p /config /data && chown 10001:10001 /data
ENV PATH=/opt/alpr/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/data
USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["python3", "/opt/alpr/bin/alpr-health"]
ENTRYPOINT ["alpr"]
CMD ["run", "--config", "/config/site.yaml", "--metrics", "0.0.0.0:9464"]
