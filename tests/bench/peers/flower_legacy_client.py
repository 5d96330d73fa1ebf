"""Flower's legacy client, which changes the weights a little in place of training. Started by peer_bench.py."""

import argparse
import os

from flwr.client import NumPyClient, start_client
from synthetic_state import change

LARGEST_MESSAGE = 1 << 30
SAMPLES = 10


class ChangingClient(NumPyClient):
    def fit(self, parameters, config):
        return change(parameters, os.getpid()), SAMPLES, {}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True)
    options = parser.parse_args()
    start_client(server_address=options.address, client=ChangingClient().to_client(), insecure=True,
                 grpc_max_message_length=LARGEST_MESSAGE)


if __name__ == "__main__":
    main()
