"""The image compiled inside a container, as deploy/Dockerfile does by default, runs and holds what it should."""

import json
import subprocess

import stack

IMAGE = "tributary-test:from-source"
LARGEST_BYTES = 900_000_000  # measured: about 720 MB, half of it LibTorch


def run(*command):
    return stack.docker("run", "--rm", "--network", "none", "--read-only", IMAGE, *command)


def main():
    reason = stack.why_not()
    if reason is not None:
        stack.skip(reason)
    built = subprocess.run([stack.SOURCE / "deploy/build-image.sh", "--tag", IMAGE], check=False)
    if built.returncode == stack.NOT_PERMITTED:
        stack.skip("a base image can be neither pulled nor made by this user (see above)")
    built.check_returncode()
    try:
        for program in ("tributary", "tributary-server", "tributary-client"):
            assert run(program, "--version").strip(), f"{program} does not run"
        described = json.loads(stack.docker("image", "inspect", IMAGE))[0]
        assert described["Config"]["User"] == "tributary", described["Config"]
        assert described["Config"]["Healthcheck"]["Test"], described["Config"]
        assert described["Size"] < LARGEST_BYTES, f"{described['Size']} bytes, expected less than {LARGEST_BYTES}"
        for tool in ("g++", "cmake", "pip"):
            assert not run("sh", "-c", f"command -v {tool} || true").strip(), f"{tool} is in the image"
    finally:
        stack.succeeds("docker", "image", "rm", IMAGE)


main()
