"""Flower's server app: averages without training.

Appends one JSON object for each round to the file that `out` names and makes OUT.done at the end.
"""

import json
import pathlib
import time

from flwr.app import ArrayRecord, Context
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

from noop.synthetic_state import make

app = ServerApp()


class TimedFedAvg(FedAvg):
    """FedAvg that writes down how long each round took. Waiting for clients is not counted."""

    out: pathlib.Path
    began = 0.0

    def configure_train(self, server_round, arrays, config, grid):
        while len(list(grid.get_node_ids())) < self.min_available_nodes:
            time.sleep(0.2)
        self.began = time.time()
        return super().configure_train(server_round, arrays, config, grid)

    def aggregate_train(self, server_round, replies):
        replies = list(replies)
        average = super().aggregate_train(server_round, replies)
        record = {"round": server_round, "seconds": time.time() - self.began, "replies": len(replies),
                  "errors": sum(reply.has_error() for reply in replies)}
        with self.out.open("a") as file:
            file.write(json.dumps(record) + "\n")
        return average


@app.main()
def main(grid: Grid, context: Context) -> None:
    config = context.run_config
    strategy = TimedFedAvg(fraction_train=1.0, fraction_evaluate=0.0, min_train_nodes=1,
                           min_available_nodes=int(config["clients"]))
    strategy.out = pathlib.Path(str(config["out"]))
    strategy.start(grid=grid, initial_arrays=ArrayRecord(make(float(config["mb"]), int(config["tensors"]))),
                   num_rounds=int(config["rounds"]))
    strategy.out.with_name(strategy.out.name + ".done").touch()
