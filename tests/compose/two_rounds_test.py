"""docker-compose.yml end to end: what each container sees, and a run of two rounds over mutual TLS.

Shards are the quickstart's, made inside the image out of the packages that deploy/fetch-data.sh fetches.
"""

import hashlib
import json
import re
import subprocess
import tempfile

import stack

CLIENTS = {"pair-client": "icon-names", "image-client": "icon-contexts", "text-client": "wordnet-glosses"}
ALL_SHARDS = "find / -name '*.shard' -not -path '/proc/*' 2>/dev/null || true"


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def each_client_sees_its_own_shard_and_nothing_else(federation):
    """Clients are started before the coordinator: they wait for it, and are looked into meanwhile."""
    for service, dataset in CLIENTS.items():
        container = federation.container(service)
        subprocess.run(["docker", "start", container], check=True, stdout=subprocess.DEVNULL)
        run = lambda command: stack.docker("exec", container, "sh", "-c", command).split()
        assert run(ALL_SHARDS) == ["/data/train.shard"], f"{service} sees {run(ALL_SHARDS)}"
        own = sha256(federation.data / dataset / "client-00/train.shard")
        assert run("sha256sum /data/train.shard")[0] == own, f"{service} has another shard than its own"
        assert run("ls -A /data") == ["train.shard"], run("ls -A /data")
        assert sorted(run("ls -A /certs")) == ["ca.crt", "client.crt", "client.key"], run("ls -A /certs")
        assert run("cat /certs/client.crt") == (
            federation.certificates / f"client-{service.split('-')[0]}-0.crt").read_text().split()


def containers_may_write_nothing_but_their_state(federation):
    for service in CLIENTS:
        container = federation.container(service)
        assert stack.docker("exec", container, "id", "-u").strip() not in ("", "0"), f"{service} runs as root"
        for place in ("/data/new", "/certs/new", "/opt/tributary/new", "/etc/new"):
            assert stack.is_refused(container, f"touch {place}"), f"{service} can write {place}"
        assert not stack.is_refused(container, "touch /var/lib/tributary/new && rm /var/lib/tributary/new")


def coordinator_sees_tests_and_no_training_data(federation):
    seen = [mount["Destination"] for mount in federation.inspect("coordinator")["Mounts"]
            if mount["Destination"].startswith("/data")]
    assert sorted(seen) == sorted(f"/data/{name}/test" for name in CLIENTS.values()), seen


def network_has_no_way_out(federation):
    network = json.loads(stack.docker("network", "inspect", f"{federation.project}_federation"))[0]
    assert network["Internal"], "the federation's network reaches other networks"
    for service in ("coordinator", *CLIENTS):
        described = federation.inspect(service)
        assert list(described["NetworkSettings"]["Networks"]) == [network["Name"]], service
        assert not described["HostConfig"]["PortBindings"], f"{service} publishes a port"


def ended_well(federation, service):
    code = stack.docker("wait", federation.container(service)).strip()
    assert code == "0", f"{service} ended with exit code {code}"
    assert federation.inspect(service)["RestartCount"] == 0, f"{service} was restarted"


def waits_for_the_next_run(container):
    """Reads a client's log until it says that it stays; it ends only when it is stopped."""
    with subprocess.Popen(["docker", "logs", "--follow", container], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as log:
        assert any("waiting for the next run" in line for line in log.stdout), f"{container} has ended with the run"
        log.kill()


def two_rounds_are_trained_and_everybody_ends_well(federation):
    federation.compose("up", "--detach")  # returns once the coordinator's health check has passed
    ended_well(federation, "coordinator")
    for service in CLIENTS:
        waits_for_the_next_run(federation.container(service))
    federation.compose("stop")
    for service in CLIENTS:
        ended_well(federation, service)
    path = federation.folder / "result.json"
    stack.docker("cp", f"{federation.container('coordinator')}:/var/lib/tributary/result.json", str(path))
    result = json.loads(path.read_text())
    assert (result["method"], result["rounds"]) == ("fedcola", 2), result
    assert [entry["round"] for entry in result["history"]] == [1, 2], result["history"]
    for entry in result["history"]:
        assert sorted(entry["updates"]) == ["image-0", "pair-0", "text-0"], entry["updates"]
    assert re.fullmatch("[0-9a-f]{64}", result["model_hash"]), result["model_hash"]
    assert result["model_hash"] != result["history"][0]["model_hash"], "round 2 changed nothing"
    assert result["bytes_up"] > 0 and result["bytes_down"] > 0, result
    assert set(result["tasks"]) == set(CLIENTS.values()), result["tasks"]
    for name in ("icon-contexts", "wordnet-glosses"):
        task = result["tasks"][name]
        assert task["accuracy"] > task["chance_accuracy"], f"{name} learned nothing: {task}"


def main():
    reason = stack.why_not()
    if reason is not None:
        stack.skip(reason)
    with tempfile.TemporaryDirectory() as folder, stack.Stack(folder, f"tributary-test:{stack.os.getpid()}") as federation:
        federation.prepare("--prebuilt", "--bin", str(stack.BIN))
        federation.compose("up", "--no-start")
        for test in (each_client_sees_its_own_shard_and_nothing_else, containers_may_write_nothing_but_their_state,
                     coordinator_sees_tests_and_no_training_data, network_has_no_way_out,
                     two_rounds_are_trained_and_everybody_ends_well):
            print(test.__name__.replace("_", " "), flush=True)
            test(federation)


main()
