"""The reader that docs/shards.md shows, taken out of that page: what is documented is what is tested."""

import pathlib
import re

SOURCE = pathlib.Path(__file__).resolve().parents[2]

_blocks = re.findall(r"```python\n(.*?)```", (SOURCE / "docs/shards.md").read_text(), re.S)
exec(compile(_blocks[0], "docs/shards.md", "exec"))  # defines Shard


def rows(path):
    """(image, label, text) of each row; what the shard lacks is None."""
    shard = Shard(path)  # noqa: F821
    kind = shard.info["modality"]
    return [(shard.image(row) if kind != "text" else None, shard.label(row) if kind != "pair" else None,
             shard.text(row) if kind != "image" else None) for row in range(shard.info["rows"])]
