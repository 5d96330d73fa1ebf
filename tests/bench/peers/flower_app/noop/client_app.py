"""Flower's client app, which changes the weights a little in place of training.

Flower addresses objects by their content: to return the very same bytes would upload nothing.
"""

from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from noop.synthetic_state import change

SAMPLES = 10
app = ClientApp()


@app.train()
def train(message: Message, context: Context):
    weights = message.content["arrays"].to_numpy_ndarrays()
    update = ArrayRecord(change(weights, int(context.node_id)))
    content = RecordDict({"arrays": update, "metrics": MetricRecord({"num-examples": SAMPLES})})
    return Message(content=content, reply_to=message)
