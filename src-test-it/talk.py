"""Clients that talk all the time, for a test inside a machine of its own (src-test-it/machine).

talk.py HOST:PORT CLIENTS FILE

Each has an address of its own (127.1.0.1 and so on) and sends a datagram every 200 ms to stand-in servers. FILE holds, made anew
every 200 ms, how they stand, as JSON: {"unanswered": N, "breaks": N, "on": {"b-1": N}}. A file FILE.leave with a server's id has
its clients leave.
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
        self.socket.bind(("127.1.0.%d" % number, 0))
        self.socket.connect(front)
        self.socket.setblocking(False)
        self.sent = self.answered = self.datagrams = self.breaks = 0
        self.server = None

    def talk(self):
        self.sent += 1
        try:
            self.socket.send(b"hello %d" % self.sent)
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


def main():
    host, port = sys.argv[1].split(":")
    clients = [Client(n + 1, (host, int(port))) for n in range(int(sys.argv[2]))]
    file = sys.argv[3]
    broken = 0
    while True:
        for client in clients:
            client.talk()
        time.sleep(0.2)
        for client in clients:
            client.listen()
        if os.path.exists(file + ".leave"):
            with open(file + ".leave", "rb") as leave:
                gone = leave.read().strip()
            broken += sum(c.breaks for c in clients if c.server == gone)
            clients = [c for c in clients if c.server != gone]
        state = {
            "unanswered": sum(c.sent - c.answered > 5 for c in clients),
            "breaks": broken + sum(c.breaks for c in clients),
            "on": collections.Counter(c.server.decode() for c in clients if c.server),
        }
        with open(file + ".new", "w") as new:
            json.dump(state, new)
        os.rename(file + ".new", file)


main()
