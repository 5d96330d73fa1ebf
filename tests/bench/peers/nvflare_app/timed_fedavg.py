"""NVIDIA FLARE's controller: its FedAvg, which adds updates as they stream in, with a clock and without checkpoints.

Appends one JSON object for each round to `out` and makes OUT.done at the end.
"""

import json
import pathlib
import time

from nvflare.app_common.abstract.fl_model import FLModel
from nvflare.app_common.workflows.fedavg import FedAvg
from synthetic_state import make


class TimedFedAvg(FedAvg):
    def __init__(self, num_clients, num_rounds, mb, tensors, out):
        super().__init__(num_clients=num_clients, num_rounds=num_rounds, persistor_id="")
        self.mb, self.tensors, self.out = mb, tensors, out
        self.began = 0.0

    def load_model(self):
        return FLModel(params={f"t{i}": array for i, array in enumerate(make(self.mb, self.tensors))})

    def send_model(self, *args, **kwargs):
        self.began = time.time()
        return super().send_model(*args, **kwargs)

    def save_model(self, model):
        record = {"round": self.current_round, "seconds": time.time() - self.began, "replies": self._received_count,
                  "errors": self._expected_count - self._received_count}
        with open(self.out, "a") as file:
            file.write(json.dumps(record) + "\n")
        if self.current_round + 1 >= self.start_round + self.num_rounds:
            pathlib.Path(self.out + ".done").touch()
