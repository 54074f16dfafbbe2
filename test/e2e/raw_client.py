"""The protocol of `dugong serve`, spoken by hand: what somebody with a key for it can send, whether dugong would or not."""

import json
import struct
import subprocess

MAGIC = b"DUGONG/1\n"
PREFIX = struct.Struct(">4sII")


class RawClient:
    def __init__(self, argv, purpose="control"):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.last = 0
        hello = {"capabilities": [], "host": "elsewhere", "min": 1, "max": 1, "purpose": purpose, "version": "0.1.0"}
        self.send({"kind": "hello", "hello": hello}, before=MAGIC)
        assert self.read(len(MAGIC)) == MAGIC
        self.peer, _ = self.receive()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()
        self.process.stderr.close()

    def send(self, header, body=b"", before=b""):
        text = json.dumps(header).encode()
        self.process.stdin.write(before + PREFIX.pack(b"dgf1", len(text), len(body)) + text + body)
        self.process.stdin.flush()

    def read(self, size):
        data = self.process.stdout.read(size)
        assert len(data) == size, (data, self.process.stderr.read())
        return data

    def receive(self):
        _, header, body = PREFIX.unpack(self.read(PREFIX.size))
        return json.loads(self.read(header)), self.read(body)

    def ask(self, request, /, **body):
        """The answer's body; or, where it is refused, the error: what was said, and of which kind."""
        self.last += 1
        text = json.dumps({"name": request, "body": body}).encode()
        self.send({"kind": "ask", "id": self.last, "name": request, "ms": 20000}, text)
        return self.answer()

    def open_stream(self, request, /, **body):
        """Of a connection for streams: what is asked for in its first frame."""
        text = json.dumps({"name": request, "body": body}).encode()
        self.send({"kind": "ask", "name": request, "ms": 20000}, text)
        return self.answer()

    def answer(self):
        while True:
            header, body = self.receive()
            if header["kind"] == "error":
                return header["error"]
            if header["kind"] in ("answer", "data", "end"):
                return {"kind": header["kind"], "body": body}
