"""Flower's legacy server (start_server: one gRPC stream for each client) averaging without training.

Started by peer_bench.py. Appends one JSON object for each round to --out and makes OUT.done at the end.
"""

import argparse
import json
import pathlib
import time

from flwr.common import ndarrays_to_parameters
from flwr.server import ServerConfig, start_server
from flwr.server.strategy import FedAvg
from synthetic_state import make

LARGEST_MESSAGE = 1 << 30


class TimedFedAvg(FedAvg):
    """FedAvg that writes down how long each round took, from its configuration to the new average."""

    out: pathlib.Path
    began = 0.0

    def configure_fit(self, *args, **kwargs):
        self.began = time.time()
        return super().configure_fit(*args, **kwargs)

    def aggregate_fit(self, server_round, results, failures):
        average = super().aggregate_fit(server_round, results, failures)
        record = {"round": server_round, "seconds": time.time() - self.began,
                  "replies": len(results), "errors": len(failures)}
        with self.out.open("a") as file:
            file.write(json.dumps(record) + "\n")
        return average


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=float, required=True)
    parser.add_argument("--tensors", type=int, required=True)
    parser.add_argument("--clients", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    strategy = TimedFedAvg(fraction_fit=1.0, fraction_evaluate=0.0, min_fit_clients=options.clients,
                           min_evaluate_clients=0, min_available_clients=options.clients,
                           initial_parameters=ndarrays_to_parameters(make(options.mb, options.tensors)))
    strategy.out = options.out
    start_server(server_address=options.address, config=ServerConfig(num_rounds=options.rounds), strategy=strategy,
                 grpc_max_message_length=LARGEST_MESSAGE)
    options.out.with_name(options.out.name + ".done").touch()


if __name__ == "__main__":
    main()
