FROM python:3.13-slim
WORKDIR /app
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation . && useradd --system citypatrol \
 && mkdir /data && chown citypatrol /data
USER citypatrol
VOLUME /data
ENTRYPOINT ["citypatrol"]
