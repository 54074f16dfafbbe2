"""A `dugong serve` that misbehaves, for DUGONG_REMOTE_PROGRAM: it passes everything between the controller and the real
one, save for what its first argument names. Started on the far host: `false_peer.py MODE [ARGUMENT] serve`."""

import json
import os
import signal
import struct
import subprocess
import sys
import threading

MAGIC = b"DUGONG/1\n"
PREFIX = struct.Struct(">4sII")
MIB = 1 << 20


def read_exactly(pipe, size):
    data = b""
    while len(data) < size:
        more = pipe.read(size - len(data))
        if not more:
            sys.exit(0)
        data += more
    return data


def read_frame(pipe):
    _, header, body = PREFIX.unpack(read_exactly(pipe, PREFIX.size))
    return json.loads(read_exactly(pipe, header)), read_exactly(pipe, body)


def frame(header, body=b""):
    text = json.dumps(header).encode()
    return PREFIX.pack(b"dgf1", len(text), len(body)) + text + body


def send(pipe, data):
    pipe.write(data)
    pipe.flush()


def relay(source, target):
    """Bytes as they come, until one side ends."""
    try:
        while block := source.read1(1 << 16):
            send(target, block)
        target.close()
    except (BrokenPipeError, ValueError):
        pass


def in_background(action, *arguments):
    threading.Thread(target=action, args=arguments, daemon=True).start()


class Session:
    """Both directions, the greetings already read: what each side said of itself is there to be changed."""

    def __init__(self):
        self.far = subprocess.Popen(["dugong", "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.near_in, self.near_out = sys.stdin.buffer, sys.stdout.buffer
        read_exactly(self.near_in, len(MAGIC))
        self.controller, _ = read_frame(self.near_in)
        read_exactly(self.far.stdout, len(MAGIC))
        self.node, _ = read_frame(self.far.stdout)

    def greet(self):
        send(self.far.stdin, MAGIC + frame(self.controller))
        send(self.near_out, MAGIC + frame(self.node))

    def go_on(self):
        in_background(relay, self.near_in, self.far.stdin)
        relay(self.far.stdout, self.near_out)
        os._exit(self.far.wait())


def answers_garbage(_):
    """A frame that is none, in place of the first answer."""
    session = Session()
    session.greet()
    read_frame(session.near_in)
    send(session.near_out, b"Segmentation fault (core dumped)\n")
    session.go_on()


def announces_a_gigabyte(_):
    """A frame whose body is said to be 1 GiB long, and its beginning."""
    session = Session()
    session.greet()
    ask, _ = read_frame(session.near_in)
    text = json.dumps({"kind": "answer", "id": ask["id"]}).encode()
    send(session.near_out, PREFIX.pack(b"dgf1", len(text), 1 << 30) + text + bytes(MIB))
    session.go_on()


def sends_a_gigabyte(_):
    """A well-formed answer that would be 1 GiB; it ends when it is cancelled. Then all goes on."""
    session = Session()
    session.greet()
    ask, _ = read_frame(session.near_in)
    while ask["kind"] != "ask":
        ask, _ = read_frame(session.near_in)
    cancelled = threading.Event()

    def listen():
        while True:
            header, body = read_frame(session.near_in)
            if header["kind"] == "cancel":
                cancelled.set()
            else:
                send(session.far.stdin, frame(header, body))

    in_background(listen)
    part = frame({"kind": "answer", "id": ask["id"], "more": 1}, bytes(MIB))
    for _ in range(1024):
        if cancelled.is_set():
            break
        send(session.near_out, part)
    relay(session.far.stdout, session.near_out)


def is_of_another_version(protocol):
    session = Session()
    session.node["hello"].update(min=int(protocol), max=int(protocol), version="9.9.9")
    session.greet()
    session.go_on()


def hears_another_version(protocol):
    session = Session()
    session.controller["hello"].update(min=int(protocol), max=int(protocol), version="9.9.9")
    send(session.far.stdin, MAGIC + frame(session.controller))
    session.go_on()


def stands_still(_):
    """Stopped before it says anything, as on a host that is out of memory."""
    os.kill(os.getpid(), signal.SIGSTOP)
    os.execvp("dugong", ["dugong", "serve"])


def main():
    mode, *arguments = sys.argv[1:-1]
    globals()[mode](arguments[0] if arguments else None)


main()
