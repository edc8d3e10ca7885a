"""What a client sends on one connection, by seed and number: up to three requests with up to three things wrong.

A body often holds what would be a request if it were read as one, so that a party that loses its place shows it."""
import copy
import dataclasses
import random

import tables

CRLF = b"\r\n"


@dataclasses.dataclass
class Line:
    """A header line, or one of the trailer section."""
    name: bytes
    value: bytes
    colon: bytes = b": "
    end: bytes = CRLF

    def text(self):
        return self.name + self.colon + self.value + self.end


@dataclasses.dataclass
class Chunk:
    size: bytes
    data: bytes
    extension: bytes = b""
    end: bytes = CRLF
    after: bytes = CRLF

    def text(self):
        return self.size + self.extension + self.end + self.data + self.after


@dataclasses.dataclass
class Message:
    """A request in its parts. `chunks`: of a chunked body, with the last one, which has no data and nothing after."""
    method: bytes
    target: bytes
    version: bytes = b"HTTP/1.1"
    before: bytes = b""
    space: bytes = b" "
    gap: bytes = b" "
    end: bytes = CRLF
    lines: list = dataclasses.field(default_factory=list)
    blank: bytes = CRLF
    content: bytes = b""
    chunks: list = dataclasses.field(default_factory=list)
    trailers: list = dataclasses.field(default_factory=list)
    finish: bytes = b""
    after: bytes = b""

    def text(self):
        head = self.before + self.method + self.space + self.target + self.gap + self.version + self.end
        lines = b"".join(line.text() for line in self.lines) + self.blank
        chunks = b"".join(chunk.text() for chunk in self.chunks)
        return head + lines + self.content + chunks + b"".join(line.text() for line in self.trailers) + self.finish + \
            self.after

    def body(self):
        return self.content + b"".join(chunk.data for chunk in self.chunks)

    def find(self, name):
        return next((line for line in self.lines if line.name.lower() == name.lower()), None)


@dataclasses.dataclass
class Input:
    pieces: list            # what is given to send(2), one after the other
    pauses: bool            # with time between them, so that they are received one by one
    late_end: bool          # likewise before the FIN
    wrong: list             # names of what has been done to it; none: it is valid, and has `requests`
    requests: list          # (method, target, body)

    def data(self):
        return b"".join(self.pieces)


# --- what is right --------------------------------------------------------------------------------------------------


def some_bytes(rng, n):
    return bytes(rng.choice(b"abcdefghijklmnopqrstuvwxyz0123456789 ,;:=\r\n") for _ in range(n))


def some_content(rng, label):
    """A body: empty, text, bytes, or the beginning of something that must not be read as such."""
    hidden = b"GET /%s/hidden HTTP/1.1\r\nHost: h\r\n\r\n" % label
    return rng.choice((
        lambda: b"",
        lambda: b"x",
        lambda: some_bytes(rng, rng.randrange(1, 60)),
        lambda: rng.randbytes(rng.randrange(1, 40)),
        lambda: some_bytes(rng, rng.choice((255, 256, 1000, 4096, 9000))),
        lambda: hidden,
        lambda: hidden,
        lambda: b"0\r\n\r\n" + hidden,
        lambda: b"5\r\nhello\r\n0\r\n\r\n" + hidden,
        lambda: b"\r\n0\r\n\r\n" + hidden,
        lambda: b"\r\n\r\n" + hidden,
        lambda: b"X: " + hidden,
    ))()


def cut(rng, data, most):
    """`data` in up to `most` pieces, none of them empty."""
    places = sorted(rng.sample(range(1, len(data)), min(rng.randrange(most), len(data) - 1))) if len(data) > 1 else []
    return [data[a:b] for a, b in zip([0] + places, places + [len(data)]) if a < b]


def set_chunks(rng, message, content):
    message.chunks = [Chunk(b"%x" % len(piece), piece) for piece in cut(rng, content, 4)]
    message.chunks.append(Chunk(b"0", b"", after=b""))
    message.finish = CRLF
    for chunk in message.chunks:
        if rng.random() < 0.1:
            chunk.size = rng.choice((b"0" * rng.randrange(1, 5) + chunk.size, chunk.size.upper()))
        if rng.random() < 0.1:
            chunk.extension = rng.choice((b";a", b";a=b", b';a="b"', b';a="b;c"', b";a=b;c=d"))
    if rng.random() < 0.2:
        message.trailers = [Line(b"X-Trailer", b"t") for _ in range(rng.randrange(1, 3))]


def some_request(rng, label, last):
    method = rng.choice((b"GET", b"GET", b"GET", b"HEAD", b"POST", b"POST", b"POST", b"PUT", b"PATCH", b"DELETE",
                         b"OPTIONS", b"PROPFIND", b"M-SEARCH"))
    target = b"/" + label + rng.choice((b"", b"", b"?q=1", b"/a%20b", b"?a=/../b", b"/;p=1", b"/~!$&'()*+,=:@"))
    message = Message(method, target)
    host = rng.choice((b"h", b"h:80", b"example.com", b"[::1]:8080", b"127.0.0.1"))
    message.lines = [Line(b"Host", host, end=rng.choice((CRLF, CRLF, b" \r\n")))]
    for _ in range(rng.choice((0, 0, 1, 1, 2, 5))):
        name = rng.choice((b"A", b"X-Test", b"Accept", b"Cookie", b"User-Agent", b"Content-Type", b"Via"))
        value = rng.choice((b"b", b"", b"a, b", b"a=b; c=d", b"*/*", b"text/plain", b"x" * 100))
        end = rng.choice((CRLF, CRLF, CRLF, b" \r\n", b" \t\r\n"))
        message.lines.append(Line(name, value, rng.choice((b": ", b":", b":  ", b":\t", b": \t ")), end))
    takes_body = method in (b"POST", b"PUT", b"PATCH") or rng.random() < 0.15
    old = last and rng.random() < 0.07
    if old:
        message.version = b"HTTP/1.0"
    if takes_body:
        content = some_content(rng, label)
        if not old and rng.random() < 0.5:
            name = rng.choice((b"Transfer-Encoding", b"Transfer-Encoding", b"transfer-encoding", b"TRANSFER-ENCODING"))
            message.lines.append(Line(name, rng.choice((b"chunked", b"chunked", b"Chunked", b"CHUNKED"))))
            set_chunks(rng, message, content)
        else:
            name = rng.choice((b"Content-Length", b"Content-Length", b"content-length", b"CONTENT-LENGTH"))
            message.lines.append(Line(name, b"%d" % len(content)))
            message.content = content
    if last and rng.random() < 0.3:
        message.lines.append(Line(b"Connection", b"close"))
    rng.shuffle(message.lines)
    return message


# --- what may be wrong: changes -------------------------------------------------------------------------------------

CHANGES = []


def change(weight=1):
    """A function (rng, message) that makes one thing of a request wrong. False: it cannot, there."""
    def register(function):
        CHANGES.append((weight, function))
        return function
    return register


def insert(rng, text, what):
    at = rng.choice((0, len(text), rng.randrange(len(text) + 1)))
    return text[:at] + what + text[at:]


def formatted(pattern, n):
    return pattern % ((n,) * (pattern.replace(b"%%", b"").count(b"%"))) if b"%" in pattern else pattern


def some_line(rng, message):
    """A header line, one that says where the request ends before others."""
    framing = [line for line in message.lines if line.name.lower() in (b"content-length", b"transfer-encoding")]
    lines = framing if framing and rng.random() < 0.6 else message.lines + message.trailers
    return rng.choice(lines) if lines else None


def add_line(rng, message, line):
    message.lines.insert(rng.randrange(len(message.lines) + 1), line)


def remove_lines(message, name):
    message.lines = [line for line in message.lines if line.name.lower() != name.lower()]


def to_length(message):
    content = message.body()
    remove_lines(message, b"Transfer-Encoding")
    message.content, message.chunks, message.trailers, message.finish = content, [], [], b""
    if not message.find(b"Content-Length"):
        message.lines.append(Line(b"Content-Length", b"%d" % len(content)))


def to_chunks(rng, message):
    if message.chunks:
        return
    content = message.body()
    remove_lines(message, b"Content-Length")
    message.content = b""
    set_chunks(rng, message, content)
    if not message.find(b"Transfer-Encoding"):
        message.lines.append(Line(b"Transfer-Encoding", b"chunked"))


@change()
def odd_method(rng, message):
    message.method = rng.choice(tables.METHODS)


@change()
def odd_target(rng, message):
    message.target = rng.choice(tables.TARGETS)


@change()
def odd_byte_in_target(rng, message):
    message.target = insert(rng, message.target, rng.choice(tables.ODD))


@change(2)
def odd_version(rng, message):
    message.version = rng.choice(tables.VERSIONS)


@change()
def no_version(rng, message):
    message.version, message.gap = b"", rng.choice((b"", b" "))
    if rng.random() < 0.3:
        message.lines = []


@change(2)
def odd_space_in_request_line(rng, message):
    where = rng.choice(("space", "gap"))
    setattr(message, where, rng.choice(tables.SPACES))


@change(2)
def odd_end_of_line(rng, message):
    ends = [(message, "end"), (message, "blank")] + [(line, "end") for line in message.lines + message.trailers]
    ends += [(chunk, "end") for chunk in message.chunks] + ([(message, "finish")] if message.chunks else [])
    where, name = rng.choice(ends)
    setattr(where, name, rng.choice(tables.ENDS))


@change()
def all_lines_end_oddly(rng, message):
    end = rng.choice((b"\n", b"\n", b"\r", b"\r\r\n", b"\n\r"))
    message.end = message.blank = end
    for line in message.lines:
        line.end = end


@change(2)
def odd_colon(rng, message):
    line = some_line(rng, message)
    if not line:
        return False
    line.colon = rng.choice(tables.COLONS)


@change()
def odd_byte_in_name(rng, message):
    line = some_line(rng, message)
    if not line:
        return False
    line.name = insert(rng, line.name, rng.choice(tables.ODD))


@change()
def odd_byte_in_value(rng, message):
    line = some_line(rng, message)
    if not line:
        return False
    line.value = insert(rng, line.value, rng.choice(tables.ODD))


@change(2)
def folded_line(rng, message):
    line = some_line(rng, message)
    if not line:
        return False
    where = rng.choice(("name", "colon", "value", "value", "value"))
    setattr(line, where, insert(rng, getattr(line, where), rng.choice(tables.FOLDS)))


@change()
def folded_request_line(rng, message):
    message.end = rng.choice(tables.FOLDS)


@change()
def folded_blank_line(rng, message):
    message.blank = rng.choice((b" \r\n\r\n", b"\t\r\n\r\n", b" \r\n", b" X: y\r\n\r\n", b" \n\r\n", b"\x0b\r\n\r\n"))


@change(2)
def stray_line(rng, message):
    stray = rng.choice(tables.STRAYS)
    add_line(rng, message, Line(stray, b"", b"", b""))


@change()
def no_host(rng, message):
    remove_lines(message, b"Host")


@change()
def two_hosts(rng, message):
    add_line(rng, message, Line(rng.choice((b"Host", b"host", b"HOST")), rng.choice((b"h", b"other", b""))))


@change()
def odd_host(rng, message):
    line = message.find(b"Host")
    if not line:
        return False
    line.value = rng.choice(tables.HOSTS)


@change()
def odd_before(rng, message):
    message.before = rng.choice(tables.BEFORES)


@change(6)
def odd_length(rng, message):
    to_length(message)
    n = len(message.content)
    message.find(b"Content-Length").value = formatted(rng.choice(tables.LENGTHS), n)


@change()
def wrong_length(rng, message):
    to_length(message)
    n = len(message.content)
    other = rng.choice((0, 1, n - 1, n + 1, n * 2, n // 2, n + 2, n - 2, n + 1000, 100000))
    message.find(b"Content-Length").value = b"%d" % max(other, 0)


@change(3)
def second_length(rng, message):
    to_length(message)
    n = len(message.content)
    odd = formatted(rng.choice(tables.LENGTHS), n)
    value = rng.choice((b"%d" % n, b"0", b"%d" % (n + 1), b"%d" % max(n - 1, 0), odd))
    add_line(rng, message, Line(rng.choice((b"Content-Length", b"content-length", b"Content-length")), value))


@change(3)
def odd_coding(rng, message):
    to_chunks(rng, message)
    line = message.find(b"Transfer-Encoding")
    if line:
        line.value = rng.choice(tables.CODINGS)


@change(2)
def odd_coding_of_length(rng, message):
    to_length(message)
    add_line(rng, message, Line(b"Transfer-Encoding", rng.choice(tables.CODINGS)))


@change(2)
def second_coding(rng, message):
    to_chunks(rng, message)
    name = rng.choice((b"Transfer-Encoding", b"transfer-encoding"))
    add_line(rng, message, Line(name, rng.choice((b"chunked", rng.choice(tables.CODINGS)))))


@change(4)
def length_and_coding(rng, message):
    to_chunks(rng, message)
    framed = b"".join(chunk.text() for chunk in message.chunks) + message.finish
    first = message.chunks[0]
    n = rng.choice((0, 3, 5, len(framed), len(framed) - len(message.finish), len(message.body()),
                    len(first.size + first.end)))
    name = rng.choice((b"Content-Length", b"content-length", b"Content-Length ", b" Content-Length"))
    add_line(rng, message, Line(name, b"%d" % n))


@change()
def old_with_coding(rng, message):
    to_chunks(rng, message)
    message.version = rng.choice((b"HTTP/1.0", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/1.2", b""))
    if rng.random() < 0.5:
        add_line(rng, message, Line(b"Connection", b"keep-alive"))


@change()
def old_and_kept(rng, message):
    message.version = b"HTTP/1.0"
    add_line(rng, message, Line(b"Connection", rng.choice((b"keep-alive", b"Keep-Alive", b"keep-alive, close"))))


@change()
def unframed_body(rng, message):
    to_length(message)
    remove_lines(message, b"Content-Length")


@change(6)
def odd_size(rng, message):
    to_chunks(rng, message)
    chunk = rng.choice(message.chunks)
    chunk.size = formatted(rng.choice(tables.SIZES), len(chunk.data))


@change()
def wrong_size(rng, message):
    to_chunks(rng, message)
    chunk = rng.choice(message.chunks)
    chunk.size = b"%x" % max(len(chunk.data) + rng.choice((-2, -1, 1, 2, 5, 1000)), 0)


@change(3)
def odd_extension(rng, message):
    to_chunks(rng, message)
    rng.choice(message.chunks).extension = rng.choice(tables.EXTENSIONS)


@change(3)
def odd_after_chunk(rng, message):
    to_chunks(rng, message)
    rng.choice(message.chunks).after = rng.choice(tables.AFTERS)


@change()
def no_last_chunk(rng, message):
    to_chunks(rng, message)
    message.chunks.pop()
    if rng.random() < 0.5:
        message.finish = b""


@change(2)
def odd_trailers(rng, message):
    to_chunks(rng, message)
    message.trailers.append(Line(rng.choice(tables.TRAILERS), b"", b"", b""))


@change()
def no_finish(rng, message):
    to_chunks(rng, message)
    message.finish = rng.choice((b"", b"\n", b"\r", b" \r\n", b"\r\r\n", b"\x00\r\n"))


@change()
def junk_after(rng, message):
    message.after = rng.choice((b"\r\n", b"\r\n\r\n", b"\n", b"x", b"0\r\n\r\n", b" ", b"\x00", b"hello", b"\r",
                                b"\r\n" * 5, b"\xff", b"GET ", b"GET /"))


@change()
def large(rng, message):
    n = rng.choice((200, 3000, 9000, 20000))
    part = rng.choice(("name", "value", "method", "target", "lines", "host"))
    if part in ("name", "value"):
        add_line(rng, message, Line(b"N" * (n if part == "name" else 1), b"v" * (n if part == "value" else 1)))
    elif part == "lines":
        message.lines[0:0] = [Line(b"X-%d" % i, b"") for i in range(n // 25)]
    elif part == "host":
        add_line(rng, message, Line(b"Host", b"h" * n))
    elif part == "method":
        message.method = b"M" * n
    else:
        message.target += b"t" * n


@change()
def moved_line(rng, message):
    """A line of the head in the trailers, or the other way."""
    if message.chunks and message.lines and rng.random() < 0.5:
        message.trailers.append(message.lines.pop(rng.randrange(len(message.lines))))
    elif message.trailers:
        add_line(rng, message, message.trailers.pop())
    else:
        return False


@change()
def repeated_line(rng, message):
    line = some_line(rng, message)
    if not line:
        return False
    add_line(rng, message, copy.copy(line))


# --- what may be wrong: bytes ---------------------------------------------------------------------------------------


def slice_of(rng, data):
    a = rng.randrange(len(data))
    return a, min(len(data), a + rng.choice((1, 1, 2, 3, 8, 40, 200)))


def flip(rng, data):
    at = rng.randrange(len(data))
    return data[:at] + bytes((data[at] ^ 1 << rng.randrange(8),)) + data[at + 1:]


def put_in(rng, data):
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(tables.ODD) + data[at:]


def put_over(rng, data):
    at = rng.randrange(len(data))
    return data[:at] + rng.choice(tables.ODD) + data[at + 1:]


def leave_out(rng, data):
    a, b = slice_of(rng, data)
    return data[:a] + data[b:]


def repeat(rng, data):
    a, b = slice_of(rng, data)
    return data[:b] + data[a:b] + data[b:]


def move(rng, data):
    a, b = slice_of(rng, data)
    rest = data[:a] + data[b:]
    at = rng.randrange(len(rest) + 1)
    return rest[:at] + data[a:b] + rest[at:]


def break_off(rng, data):
    return data[:rng.randrange(len(data))]


def lose_returns(_rng, data):
    return data.replace(CRLF, b"\n")


def lose_end(rng, data):
    return data[:-rng.randrange(1, 5)]


BYTES = (flip, flip, put_in, put_in, put_over, leave_out, repeat, move, break_off, break_off, lose_returns, lose_end)


# --- all together ---------------------------------------------------------------------------------------------------


def make(seed, number):
    """The input of that number, always the same."""
    rng = random.Random(f"{seed}/{number}")
    count = rng.choice((1, 1, 1, 2, 2, 3))
    label = b"%d" % number
    messages = [some_request(rng, label + b"/" + bytes((ord("a") + i,)), i == count - 1) for i in range(count)]
    requests = [(message.method, message.target, message.body()) for message in messages]
    wrong = []
    weights, changes = zip(*CHANGES)
    for _ in range(rng.choices((0, 1, 2, 3), (8, 50, 26, 16))[0]):
        if rng.random() < 0.82:
            function = rng.choices(changes, weights)[0]
            if function(rng, rng.choice(messages)) is not False:
                wrong.append(function.__name__)
        else:
            wrong.append(rng.choice(BYTES))
    data = b"".join(message.text() for message in messages)
    for i, function in enumerate(wrong):
        if callable(function):
            data = function(rng, data) if data else data
            wrong[i] = function.__name__
    kind = rng.random()
    if kind < 0.35:
        pieces = [data]
    elif kind < 0.9 or len(data) > 400:
        pieces = cut(rng, data, 6)
    else:
        pieces = [data[i:i + 1] for i in range(len(data))]
    pauses = rng.random() < (0.1 if len(pieces) > 10 else 0.5)
    return Input([piece for piece in pieces if piece], pauses, rng.random() < 0.7, wrong, requests)
