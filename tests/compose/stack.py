"""docker-compose.yml under a project name of its own: what the tests of this folder share.

    python3 tests/compose/stack.py      prints why containers cannot be tested here, or nothing
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("TRIBUTARY_BIN", SOURCE / "build/release/bin"))
SKIPPED = 77  # ctest's SKIP_RETURN_CODE
NOT_PERMITTED = 4  # exit code of the scripts in deploy/


def succeeds(*command):
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def compose_command():
    """Compose v2 if it is there, else docker-compose 1.29; None without either. TRIBUTARY_COMPOSE names one."""
    if "TRIBUTARY_COMPOSE" in os.environ:
        return os.environ["TRIBUTARY_COMPOSE"].split()
    if succeeds("docker", "compose", "version"):
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


def why_not():
    """The reason why containers cannot be tested on this machine, or None."""
    if not shutil.which("docker"):
        return "there is no docker command"
    if not succeeds("docker", "info"):
        return "no Docker daemon answers ('docker info')"
    if compose_command() is None:
        return "there is neither 'docker compose' nor docker-compose"
    return None


def skip(reason):
    print(f"SKIPPED: {reason}", flush=True)
    sys.exit(SKIPPED)


class Stack:
    """A project of containers and volumes named for this process, gone when the `with` block ends."""

    def __init__(self, folder, image):
        self.folder = pathlib.Path(folder)
        self.project = f"tributary-test-{os.getpid()}"
        self.image = image
        self.data = self.folder / "data"
        self.certificates = self.folder / "certs"
        self.environment = os.environ | {
            "COMPOSE_PROJECT_NAME": self.project,
            "TRIBUTARY_IMAGE": image,
            "TRIBUTARY_DATA_DIR": str(self.data),
            "TRIBUTARY_CERTS_DIR": str(self.certificates),
        }

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None:
            print(self.compose("logs", "--no-color", "--tail", "40", check=False), flush=True)
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "5", check=False)
        # Certificates belong to the containers' user by now.
        succeeds("docker", "run", "--rm", "--network", "none", "--user", "0", "-v", f"{self.folder}:/folder",
                 self.image, "sh", "-c", f"chown -R {os.getuid()} /folder")
        succeeds("docker", "image", "rm", self.image)

    def prepare(self, *options):
        """Runs deploy/compose-prepare.sh; skips the test where it may not make a base image."""
        done = subprocess.run([SOURCE / "deploy/compose-prepare.sh", *options], env=self.environment, check=False)
        if done.returncode == NOT_PERMITTED:
            skip("a base image can be neither pulled nor made by this user (see above)")
        done.check_returncode()

    def compose(self, *arguments, check=True):
        command = [*compose_command(), "-f", SOURCE / "docker-compose.yml", *arguments]
        done = subprocess.run(command, env=self.environment, cwd=SOURCE, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if check and done.returncode != 0:
            raise AssertionError(f"compose {' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}")
        return done.stdout

    def container(self, service):
        """The id of a service's only container, running or not."""
        ids = docker("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label=com.docker.compose.project={self.project}",
                     "--filter", f"label=com.docker.compose.service={service}").split()
        assert len(ids) == 1, f"{service} has {len(ids)} containers"
        return ids[0]

    def inspect(self, service):
        return json.loads(docker("inspect", self.container(service)))[0]


def docker(*arguments):
    done = subprocess.run(["docker", *arguments], text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise AssertionError(f"docker {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


def is_refused(container, command):
    """Whether a shell command fails inside a running container."""
    return not succeeds("docker", "exec", container, "sh", "-c", command)


if __name__ == "__main__":
    reason = why_not()
    if reason is not None:
        print(reason)
