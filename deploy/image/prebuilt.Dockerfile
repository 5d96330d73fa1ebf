# The image from a finished build of this machine, which must run the base image's release: deploy/build-image.sh
# --prebuilt makes RUNTIME_IMAGE (stage `runtime` of deploy/Dockerfile) and gives build/image as the context.
ARG RUNTIME_IMAGE
FROM ${RUNTIME_IMAGE}
COPY lib /opt/tributary/lib
COPY . /opt/tributary
