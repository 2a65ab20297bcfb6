"""A user's device over a plain socket, with a codec of its own, and the judge of what such users
were told and shown. Written from the description of the wire (core/wire/codec.h, core/model/frame.h,
cluster/wire/control.h), sharing no code with what it tests.
"""
import random
import selectors
import socket
import struct
from collections import defaultdict

(LOGIN, LOGIN_OK, LOGIN_REFUSED, BIND, BOUND, BIND_REFUSED, SEND, ACCEPTED, REFUSED, DELIVER, ACK,
 PING, PONG, KICK, GO_AWAY, REWIND, RESET) = range(1, 18)
HELLO = 31
GREETING, PLACE, AGREED = 1, 3, 9
SELECTIVE_ACK = 2  # the one feature of this codec: ACK has a mask
WINDOW = 8  # sends of a user that are not yet accepted
HEADER = struct.Struct("<2sBBBBII")


def crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC = crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def numbers(*values):
    out = bytearray()
    for value in values:
        while value >= 0x80:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        out.append(value)
    return bytes(out)


def message(kind, body, serializer=0, flags=0):
    head = HEADER.pack(b"im", 1, serializer, kind, flags, 0, len(body))
    return head + struct.pack("<I", crc32c(head)) + body


class Body:
    def __init__(self, data):
        self.data, self.at = data, 0

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def number(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def text(self):
        size = self.number()
        self.at += size
        return bytes(self.data[self.at - size:self.at])

    def conversation(self):
        high = self.number()
        return (high >> 1 | (high & 1) << 63, self.number())

    def done(self):
        if self.at != len(self.data):
            raise ValueError("a body with something left over")


class Judge:
    """Knows what was accepted and what was shown; nothing else."""

    def __init__(self):
        self.accepted = {}  # conversation -> {sequence: text}
        self.accepted_count = self.shown_count = self.hidden = self.resets = self.rewinds = 0
        self.shown = defaultdict(list)  # (user, conversation) -> [(sequence, text)]
        self.problems = []

    def note_accepted(self, conversation, position, text):
        log = self.accepted.setdefault(conversation, {})
        if log.setdefault(position[1], text) != text:
            self.problems.append(f"{conversation} #{position[1]} was given to two messages")
        self.accepted_count += 1

    def note_shown(self, user, conversation, position, text):
        self.shown[user, conversation].append((position[1], text))
        self.shown_count += 1

    def compare(self):
        """Lost, shown twice, out of order, wrong place: as lists of words."""
        lost, twice, order, stray = [], [], [], []
        for (user, conversation), shown in self.shown.items():
            seen, last = set(), 0
            for sequence, text in shown:
                where = f"user {user} {conversation} #{sequence} {text}"
                if text in seen:
                    twice.append(where)
                seen.add(text)
                if sequence <= last:
                    order.append(where)
                last = sequence
                mine = text.split(":")[0].endswith(f">{user}")
                if not mine or self.accepted.get(conversation, {}).get(sequence) != text:
                    stray.append(where)
        for conversation, log in self.accepted.items():
            for user in conversation:
                have = {text for _, text in self.shown.get((user, conversation), ())}
                lost += [f"user {user} {conversation} #{sequence} {text}"
                         for sequence, text in sorted(log.items())
                         if text.split(":")[0].endswith(f">{user}") and text not in have]
        return lost, twice, order, stray

    def missing(self):
        return self.compare()[0]

    def figures(self):
        lost, twice, order, stray = map(len, self.compare())
        return (f"{self.accepted_count} accepted, {self.shown_count - twice} delivered, {lost} lost, "
                f"{twice} twice, {order} out of order, {stray} misdelivered ({self.hidden} repeated "
                f"and hidden, {self.rewinds} rewinds)")

    def wrong(self):
        lost, twice, order, stray = self.compare()
        return self.problems + [f"{name}: {line}" for name, lines in (
            ("lost", lost), ("twice", twice), ("out of order", order), ("misdelivered", stray))
            for line in lines] + (["a device was reset"] if self.resets else [])


class User:
    def __init__(self, number, routers, selector, judge, lease, seed, features=SELECTIVE_ACK):
        self.id, self.routers, self.selector, self.judge = number, routers, selector, judge
        self.lease = lease * 0.7  # of the client, below the node's
        self.draw = random.Random(seed * 1000 + number)
        self.link, self.incoming, self.outgoing = None, bytearray(), bytearray()
        self.has = features
        self.features = None  # of the connection, once the server's HELLO is heard
        self.phase, self.node, self.next_node = "away", None, None
        self.generation = self.logins = self.login_number = 0
        self.places = {}
        self.deadline = self.retry_at = float("inf")
        self.last_ping = self.answered = self.ping_number = 0
        self.pings = {}
        self.queue = []  # said, not yet in a conversation's outbox
        self.outbox = defaultdict(dict)  # conversation -> {client_seq: [text, repeat at]}
        self.last_seq = defaultdict(int)
        self.said = 0
        self.cursors = {}
        self.dedup = {}
        self.cumulative, self.ahead, self.owes_ack = 0, set(), False

    # ---- what the user does
    def say(self, to):
        self.said += 1
        self.queue.append((to, f"{self.id}>{to}:{self.said}"))

    def open_sends(self):
        return len(self.queue) + sum(map(len, self.outbox.values()))

    def go_online(self):
        self.retry_at = 0

    def tick(self, now):
        if self.phase == "away":
            if now >= self.retry_at:
                self.login(now)
            return
        if now > self.deadline and self.phase != "bound":
            return self.lose(now)
        if self.phase != "bound":
            return
        if now - self.answered > self.lease:
            return self.lose(now)
        if now - self.last_ping > self.lease / 4:
            self.last_ping = now
            self.ping_number += 1
            self.pings[self.ping_number] = now
            self.send(PING, numbers(self.ping_number))
        while self.queue and sum(map(len, self.outbox.values())) < WINDOW:
            to, text = self.queue.pop(0)
            conversation = (min(self.id, to), max(self.id, to))
            self.last_seq[conversation] += 1
            self.outbox[conversation][self.last_seq[conversation]] = [text, 0]
        for conversation, entries in self.outbox.items():
            for client_seq in sorted(entries):
                if now >= entries[client_seq][1]:
                    self.transmit(conversation, client_seq, now)
        self.flush(now)

    def transmit(self, conversation, client_seq, now):
        entries = self.outbox[conversation]
        text = entries[client_seq][0].encode()
        entries[client_seq][1] = now + 2
        self.send(SEND, numbers(min(entries), conversation[0] << 1, conversation[1]) + b"\0" +
                  numbers(client_seq, 0, len(text)) + text)

    # ---- the way to a node
    def connect(self, place, phase, now):
        self.disconnect()
        host, port = place.rsplit(":", 1)
        self.link = socket.socket()
        self.link.setblocking(False)
        self.link.connect_ex((host, int(port)))
        self.selector.register(self.link, selectors.EVENT_READ | selectors.EVENT_WRITE, self)
        self.phase, self.deadline = phase, now + self.lease
        self.features = None
        self.outgoing += message(HELLO, numbers(1, self.has, 1))
        name = str(self.id).encode()
        self.outgoing += message(GREETING, numbers(0, 0, len(name)) + name + numbers(0, 0, 0), 1)

    def login(self, now):
        self.logins += 1
        self.login_number += 1
        self.connect(self.draw.choice(self.routers), "asking", now)
        self.send(LOGIN, b"\1" + numbers(0, 0, self.id, self.login_number, self.generation))

    def bind(self, node, now):
        self.next_node = node
        self.connect(self.places[node], "binding", now)
        cursors = b"".join(struct.pack("<QQIIQ", *conversation, position[0], 0, position[1])
                           for conversation, position in self.cursors.items())
        self.send(BIND, b"\1" + numbers(0, self.id, self.generation, len(cursors)) + cursors)

    def disconnect(self):
        if self.link is not None:
            self.selector.unregister(self.link)
            self.link.close()
        self.link, self.node = None, None
        self.incoming, self.outgoing = bytearray(), bytearray()

    def lose(self, now):
        self.disconnect()
        self.phase = "away"
        self.retry_at = now + self.draw.uniform(0.05, 0.4)

    # ---- bytes
    def send(self, kind, body, flags=0):
        self.outgoing += message(kind, body, 0, flags)

    def flush(self, now):
        if self.link is None or not self.outgoing:
            return
        try:
            sent = self.link.send(self.outgoing)
            del self.outgoing[:sent]
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            return self.lose(now)
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.outgoing else 0)
        self.selector.modify(self.link, events, self)

    def on_ready(self, events, now):
        if events & selectors.EVENT_READ:
            try:
                data = self.link.recv(65536)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                data = b""
            if not data:
                return self.lose(now)
            self.incoming += data
            link = self.link
            while self.link is link and self.take_message(now):
                pass
            if self.link is link and self.owes_ack:
                self.owes_ack = False
                mask = sum(1 << n - self.cumulative - 1 for n in self.ahead
                           if n - self.cumulative - 1 < 64)
                self.send(ACK, numbers(self.cumulative, *([mask] if self.features else [])))
        self.flush(now)

    def take_message(self, now):
        if len(self.incoming) < 18:
            return False
        magic, version, serializer, kind, _, _, size = HEADER.unpack_from(self.incoming)
        if magic != b"im" or version != 1:
            raise ValueError("not a frame")
        if crc32c(self.incoming[:14]) != struct.unpack_from("<I", self.incoming, 14)[0]:
            raise ValueError("a header with a wrong checksum")
        if len(self.incoming) < 18 + size:
            return False
        body = Body(bytes(self.incoming[18:18 + size]))
        del self.incoming[:18 + size]
        if self.features is None:
            if (serializer, kind) != (0, HELLO):
                raise ValueError("a server that does not say HELLO first")
            newest, features, oldest = body.number(), body.number(), body.number()
            body.done()
            if not oldest <= 1 <= newest:
                raise ValueError("no frame version in common")
            self.features = features & self.has
            if self.features:
                self.outgoing += message(AGREED, b"", 1)
        elif serializer == 1:
            if kind == PLACE:
                node, place, _ = body.number(), body.text(), body.text()
                body.done()
                self.places[node] = place.decode()
        else:
            self.on_frame(kind, body, now)
        return True

    # ---- frames
    def on_frame(self, kind, body, now):
        if kind == LOGIN_OK and self.phase == "asking":
            _, node, _, _, self.generation, _ = (body.number() for _ in range(6))
            body.done()
            return self.bind(node - 1, now)
        if kind == BOUND and self.phase == "binding":
            self.phase, self.node = "bound", self.next_node
            self.cumulative, self.ahead, self.owes_ack = 0, set(), False
            self.pings, self.ping_number, self.last_ping, self.answered = {}, 0, 0, now
            for entries in self.outbox.values():
                for entry in entries.values():
                    entry[1] = 0
            return None
        if kind in (LOGIN_REFUSED, BIND_REFUSED, KICK):
            return self.lose(now)
        if self.phase != "bound":
            return None
        if kind == PONG:
            self.answered = max(self.answered, self.pings.pop(body.number(), 0))
            return None
        if now - self.answered > self.lease:
            return self.lose(now)  # whoever paused may have been replaced
        if kind == GO_AWAY:
            return self.lose(now)
        if kind == DELIVER:
            return self.on_deliver(body)
        if kind == ACCEPTED:
            conversation, position = body.conversation(), (body.number(), body.number())
            entry = self.outbox[conversation].pop(body.number(), None)
            body.done()
            if entry is not None:
                self.judge.note_accepted(conversation, position, entry[0])
            return None
        if kind == REFUSED:
            _, _, conversation, client_seq = (body.byte(), body.number(), body.conversation(),
                                              body.number())
            entry = self.outbox[conversation].get(client_seq)
            if entry is not None:
                entry[1] = now + 0.2
            return None
        if kind == REWIND:
            self.judge.rewinds += 1
            self.cursors[body.conversation()] = (body.number(), body.number())
        elif kind == RESET:
            self.judge.resets += 1
        return None

    def on_deliver(self, body):
        _, number, _ = body.byte(), body.number(), body.number()
        conversation, position = body.conversation(), (body.number(), body.number())
        _, sender, device, client_seq, _ = (body.byte(), body.number(), body.number(),
                                            body.number(), body.number())
        text = body.text().decode()
        body.done()
        self.owes_ack = True
        if number > self.cumulative:
            self.ahead.add(number)
            while self.cumulative + 1 in self.ahead:
                self.cumulative += 1
                self.ahead.discard(self.cumulative)
        key = (conversation, sender, device)
        if client_seq <= self.dedup.get(key, 0):
            self.judge.hidden += 1
            return
        self.dedup[key] = client_seq
        self.cursors[conversation] = position
        self.judge.note_shown(self.id, conversation, position, text)
