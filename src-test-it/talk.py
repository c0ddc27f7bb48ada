"""Clients that talk all the time, for a test inside a machine of its own (src-test-it/machine).

talk.py HOST:PORT CLIENTS FILE

Each has an address of its own (127.1.0.1 and so on) and sends a datagram in each round, which takes 200 ms, to stand-in servers.
FILE holds, made anew every round, how they stand, as JSON: {"round": N, "answered": N, "breaks": N, "on": {"b-1": N}}, where
"answered" is the last round of which every client has an answer. A file FILE.leave with a server's id has its clients leave, one
FILE.come with a number has as many further ones come; each is deleted once that is done.
"""

import collections
import json
import os
import socket
import sys
import time


class Client:
    def __init__(self, number, front):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.1.%d.%d" % (number // 250, number % 250 + 1), 0))
        self.socket.connect(front)
        self.socket.setblocking(False)
        self.answered = self.datagrams = self.breaks = 0
        self.server = None

    def talk(self, number):
        try:
            self.socket.send(b"hello %d" % number)
        except OSError:
            pass  # nobody listens at this moment

    def listen(self):
        while True:
            try:
                server, datagrams, _, number = self.socket.recv(2048).split(b" ")
            except OSError:
                return
            if self.server not in (None, server) or int(datagrams) <= self.datagrams:
                self.breaks += 1
            self.server, self.datagrams = server, int(datagrams)
            self.answered = int(number)


def order(file):
    """What a file says, which is thereby done; empty if there is none."""
    if not os.path.exists(file):
        return b""
    with open(file, "rb") as text:
        said = text.read().strip()
    os.remove(file)
    return said


def main():
    host, port = sys.argv[1].split(":")
    file = sys.argv[3]
    clients = []
    coming = int(sys.argv[2])
    ever = broken = number = 0
    while True:
        clients += [Client(ever + n, (host, int(port))) for n in range(coming)]
        ever += coming
        number += 1
        for client in clients:
            client.talk(number)
        time.sleep(0.2)
        for client in clients:
            client.listen()
        gone = order(file + ".leave")
        if gone:
            broken += sum(c.breaks for c in clients if c.server == gone)
            clients = [c for c in clients if c.server != gone]
        coming = int(order(file + ".come") or 0)
        state = {
            "round": number,
            "answered": min((c.answered for c in clients), default=number),
            "breaks": broken + sum(c.breaks for c in clients),
            "on": collections.Counter(c.server.decode() for c in clients if c.server),
        }
        with open(file + ".new", "w") as new:
            json.dump(state, new)
        os.rename(file + ".new", file)


main()
