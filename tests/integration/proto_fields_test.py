"""Every field of every message in proto/tributary/v1 is set somewhere in the product's code and read somewhere."""

import pathlib
import re
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PROTO = SOURCE / "proto/tributary/v1"
PRODUCT = ("common", "server", "client", "tool")

# Messages whose scalar fields are copied by reflection, and the tables of fields (common/config) that name them.
TABLES = {
    "LocalTraining": ("LocalFields", "ContrastiveFields", "ProximalFields"),
    "Augmentation": ("AugmentationFields",),
    "Contrast": ("ContrastFields",),
    "ModelSpec": ("ShapeFields", "ModelSpecFields"),
}

# Messages that the tool prints whole, as JSON (`status --json`, `watch --json`): all their fields are read.
PRINTED = ("RunStatus", "ClientStatus", "Event")

# "set M.x" or "read M.x": why no code of the product does so, or how else.
EXCEPTIONS = {
    "set PushMessage.chunk": "kChunkTag of common/rpc/bulk_message.cc frames it without a message",
    "read PushMessage.chunk": "likewise",
    "set WatchRequest.first_sequence": "set by an operator's own program, to go on where it was; `tributary watch` begins anew",
    "read TensorSlice.padding": "means nothing; a reader skips it as it skips unknown fields",
}


def fields_of(folder):
    """(message, field, type, number) of all fields in the proto files of `folder`; of a map, its values' type."""
    found = []
    for path in sorted(folder.glob("*.proto")):
        text = re.sub(r"//[^\n]*|/\*.*?\*/", "", path.read_text(), flags=re.S)
        blocks = []  # names of the messages that are open; None for other blocks
        for statement, end in re.findall(r"([^;{}]*)([;{}])", text):
            words = statement.split()
            if end == "{":
                message = words[1] if words[0] == "message" else None
                # What stands in a oneof belongs to its message.
                blocks.append(blocks[-1] if words[0] == "oneof" else message)
            elif end == "}":
                blocks.pop()
            elif blocks and blocks[-1] is not None and words and words[0] not in ("reserved", "option"):
                field = re.match(r"\s*(?:repeated|optional)?\s*(?:map<\s*\w+,\s*)?([\w.]+)>?\s+(\w+)\s*=\s*(\d+)",
                                 statement)
                kind, name, number = field.groups()
                found.append((blocks[-1], name, kind.split(".")[-1], int(number)))
    return found


def product_code():
    paths = [p for folder in PRODUCT for p in sorted((SOURCE / folder).rglob("*")) if p.suffix in (".cc", ".h")]
    text = "\n".join(path.read_text() for path in paths)
    return re.sub(r"(?m)//.*$", "", text).replace(".emplace()", "")


def names_in_tables(code, tables):
    """Proto fields that the tables copy: the keys told to clients, or the WireNames in their place."""
    names = set()
    for table in tables:
        body = re.search(rf"FieldTable<\w+>& {table}\(\) \{{\n.*?\n\}}", code, re.S).group()
        for field in re.split(r"\b(?=\w+Field\()", body):
            key = re.match(r'\w+Field\(\s*"(\w+)"', field)
            if key and "Clients::kYes" in field:
                wire_name = re.search(r'\.WireName\("(\w+)"\)', field)
                names.add((wire_name or key).group(1))
    return names


def numbers_in_frames():
    """By message: the numbers of the fields that common/codec/chunk_frame.cc writes, and of those that it reads."""
    text = (SOURCE / "common/codec/chunk_frame.cc").read_text()
    written = {"Chunk": set(), "TensorSlice": set()}
    for buffer, calls in re.findall(r"\bFieldWriter(?: \w+)?\(&(\w+)\)(.*?)(?=\bFieldWriter\b|\Z)", text, re.S):
        written["Chunk" if buffer == "framing" else "TensorSlice"].update(
            int(number) for number in re.findall(r"\b(?:Varint|Fixed|Length)\((\d+),", calls))
    slices, chunks = text.split("ReadChunkHead(")
    read = {message: {int(number) for number in re.findall(r"\bTag\((\d+),", part)}
            for message, part in (("Chunk", chunks), ("TensorSlice", slices))}
    return written, read


class Accesses:
    """Which fields of which messages the code sets and reads, told by the names of variables and accessors."""

    def __init__(self, code, fields):
        self.fields = fields
        statements = [" ".join(s.split()) for s in re.split(r"[;{}]", code)]
        # (message, name) of declarations, and (name, accessor) of what is made of an accessor's result.
        declared = re.compile(r"\bv1::(\w+)\b(?!::)[>)&* ]*(?:const )?(\w+)")
        self.declared = {pair for statement in statements for pair in declared.findall(statement)}
        variable = re.compile(r"\b(\w+) ?(?:=|(?<!:):(?!:)) ")
        self.made = set()
        for statement in statements:
            made = variable.search(statement)
            if made:
                self.made |= {(made.group(1), name) for name in re.findall(r"(\w+)\(", statement[made.end():])}
        # (owner, accessor) of all calls: `owner.accessor(`, `owner()->accessor(`, `owner(i).accessor(`.
        call = re.compile(r"\b(\w+)(?:\(\w*\)|\[\w*\]|\))?(?:\.|->)(?=(\w+)\()")
        self.calls = {pair for statement in statements for pair in call.findall(statement)}
        self.owners = {message: self.find_owners(message) for message in {message for message, *_ in fields}}

    def find_owners(self, message):
        """Names of what holds a `message` or a pointer to one: variables, and accessors of fields of the type."""
        accessors = {field for _, field, kind, _ in self.fields if kind == message}
        accessors |= {prefix + field for field in accessors for prefix in ("mutable_", "add_")}
        names = {name for declared, name in self.declared if declared == message}
        return accessors | names | {name for name, accessor in self.made if accessor in accessors}

    def calls_any(self, message, accessors):
        return any((owner, accessor) in self.calls for owner in self.owners[message] for accessor in accessors)

    def sets(self, message, field):
        return self.calls_any(message, [f"{verb}_{field}" for verb in ("set", "mutable", "add", "set_allocated")])

    def reads(self, message, field):
        return self.calls_any(message, [field, f"has_{field}", f"{field}_size"])


def dead_fields(folder):
    """ "set M.x" for each field of the proto files in `folder` that nothing sets, "read M.x" likewise."""
    code = product_code()
    fields = fields_of(folder)
    messages = {message for message, *_ in fields}
    accesses = Accesses(code, fields)
    written, read = numbers_in_frames()
    dead = []
    for message, field, kind, number in fields:
        if message in TABLES and kind not in messages:
            is_set = is_read = field in names_in_tables(code, TABLES[message])
        elif message in written:
            is_set, is_read = number in written[message], number in read[message]
        else:
            # A message below one that is copied is made for the groups of settings that travel in it.
            is_set = message in TABLES and f'.message = "training.{field}"' in code or accesses.sets(message, field)
            is_read = message in PRINTED or accesses.reads(message, field)
        dead += [f"set {message}.{field}"] if not is_set else []
        dead += [f"read {message}.{field}"] if not is_read else []
    return dead


class ProtoFields(unittest.TestCase):
    def test_every_field_is_set_and_read(self):
        self.assertGreater(len(fields_of(PROTO)), 150)
        self.assertEqual([dead for dead in dead_fields(PROTO) if dead not in EXCEPTIONS], [])

    def test_no_exception_is_out_of_date(self):
        self.assertLessEqual(set(EXCEPTIONS), set(dead_fields(PROTO)))

    def test_a_field_that_nothing_uses_is_found(self):
        """Also under a name that other messages have, in a oneof, and beside fields that tables or numbers copy."""
        added = {"Welcome": "uint32 attempt = 99;", "Task": "bool retry = 99;", "LocalTraining": "uint32 spare = 99;",
                 "ModelSpec": "double temperature = 99;", "Chunk": "uint64 spare = 9;",
                 "TensorSlice": "bytes spare = 99;", "Leave": "oneof more { string spare = 99; }"}
        with tempfile.TemporaryDirectory() as folder:
            for path in PROTO.glob("*.proto"):
                text = path.read_text()
                for message, field in added.items():
                    text = re.sub(rf"(?m)^message {message} {{", rf"\g<0>\n  {field}", text)
                (pathlib.Path(folder) / path.name).write_text(text)
            found = set(dead_fields(pathlib.Path(folder))) - set(dead_fields(PROTO))
        names = {message + "." + re.search(r"(\w+) =", field).group(1) for message, field in added.items()}
        self.assertEqual(found, {f"{verb} {name}" for verb in ("set", "read") for name in names})


if __name__ == "__main__":
    unittest.main()
