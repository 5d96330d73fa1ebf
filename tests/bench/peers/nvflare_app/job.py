"""Runs NVIDIA FLARE's simulator, each client a process of its own. Started by peer_bench.py in this folder."""

import argparse

from nvflare.job_config.api import FedJob
from nvflare.job_config.script_runner import FrameworkType, ScriptRunner
from timed_fedavg import TimedFedAvg


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=float, required=True)
    parser.add_argument("--tensors", type=int, required=True)
    parser.add_argument("--clients", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--work", required=True, help="folder for the simulator's own files")
    options = parser.parse_args()
    job = FedJob(name="noop", min_clients=options.clients)
    job.to_server(TimedFedAvg(options.clients, options.rounds, options.mb, options.tensors, options.out))
    job.to_server("synthetic_state.py")
    for i in range(options.clients):
        site = f"site-{i + 1}"
        job.to(ScriptRunner(script="noop_client.py", framework=FrameworkType.NUMPY), site)
        job.to("synthetic_state.py", site)
    job.simulator_run(options.work, threads=options.clients)


if __name__ == "__main__":
    main()
