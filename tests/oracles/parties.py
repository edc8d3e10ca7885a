"""Who reads the inputs: a gateway with the plugin `recorder`, nginx in front of a recording upstream, and h11.

Each input has a client address of its own below 127.0.0.0/8, so that what servers write down of it is found again
whatever has become of the request."""
import asyncio
import collections
import contextlib
import dataclasses
import errno
import os
import re
import shutil
import signal
import socket
import subprocess

import h11

PATIENCE = 60       # seconds until an answer that does not come is a hang, on a machine that may stall
TIMEOUT = 2         # the gateway's connection_timeout: how long one lasts whose FIN libmicrohttpd has missed
PAUSE = 0.002       # between two sends that are to be two receives

POSTERN = """
listen = {{"127.0.0.1:0"}}
plugins = "{folder}/plugins"
threads = 2
run = pool
debug = on
connection_timeout = {timeout}
connection_memory = 64K
plugin recorder {{
    mount = "/"
    option {{ record = "{folder}/record" }}
}}
"""

# Limits are out of the way, so that what is refused is refused for what it is. lingering_close: when the end of a
# connection is seen, all of it has been logged.
NGINX = """
daemon off;
{user}worker_processes 1;
error_log {folder}/nginx.errors info;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    log_format seen "$remote_addr $status $sent_http_x_keeps";
    add_header X-Keeps $sent_http_connection always; # which is forgotten when the log is written
    access_log {folder}/nginx.seen seen;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    client_max_body_size 0;
    client_body_buffer_size 128k;
    client_header_buffer_size 64k;
    large_client_header_buffers 8 256k;
    lingering_close off;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://unix:{folder}/upstream;
            proxy_pass_request_headers off;
            proxy_ignore_client_abort on;
            proxy_set_header X-Client $remote_addr;
            proxy_set_header X-Method $request_method;
            proxy_set_header X-Target $request_uri;
        }}
    }}
}}
"""


@dataclasses.dataclass
class Course:
    """How a party has read a connection."""
    requests: list              # (method, target, body), those that have got through
    stop: str = ""              # why it has read no further; "": all of it has been read
    closes: bool = False        # that was the client's wish, or the version's custom: what follows is no request
    hangs: bool = False         # neither an answer nor an end has come
    waited: bool = False        # for its time-out
    statuses: tuple = ()


def address_of(serial):
    return f"127.{1 + (serial >> 16)}.{serial >> 8 & 255}.{serial & 255}"


class Tail:
    """Lines that are appended to a file, by the address that `pattern` finds in them."""

    def __init__(self, path, pattern):
        self.path, self.pattern, self.rest, self.at = path, re.compile(pattern), b"", 0
        self.lines = collections.defaultdict(list)

    def take(self, address):
        with contextlib.suppress(FileNotFoundError), open(self.path, "rb") as file:
            file.seek(self.at)
            data = file.read()
            self.at += len(data)
            *lines, self.rest = (self.rest + data).split(b"\n")
            for line in lines:
                found = self.pattern.search(line)
                if found:
                    self.lines[found[1].decode()].append(line)
        return self.lines.pop(address, [])


async def talk(port, source, item):
    """Sends the input, closes the sending side, and reads to the end: the answer, and whether there was an end."""
    loop = asyncio.get_running_loop()
    answer = bytearray()
    with socket.socket() as client:
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.bind((source, 0))
        await loop.sock_connect(client, ("127.0.0.1", port))

        async def read():
            with contextlib.suppress(ConnectionError):
                while data := await loop.sock_recv(client, 65536):
                    answer.extend(data)

        reading = asyncio.ensure_future(read())
        try:
            for i, piece in enumerate(item.pieces):
                if i > 0 and item.pauses:
                    await asyncio.sleep(PAUSE)
                await loop.sock_sendall(client, piece)
            if item.late_end:
                await asyncio.sleep(PAUSE)
            client.shutdown(socket.SHUT_WR)
        except OSError as error: # it has been refused before it was complete
            if error.errno not in (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN):
                raise
        try:
            await asyncio.wait_for(reading, PATIENCE)
        except asyncio.TimeoutError:
            return bytes(answer), False
    return bytes(answer), True


class Process:
    """A server, which ends with its parent's block."""

    def __init__(self, folder, name, command, **options):
        self.log = open(f"{folder}/{name}.log", "wb")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, **options)

    def ended(self):
        return self.process.poll() is not None

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.log.close()


# --- the gateway ----------------------------------------------------------------------------------------------------


class Postern:
    def __init__(self, folder, build):
        self.folder = folder
        os.mkdir(f"{folder}/plugins")
        shutil.copy(f"{build}/tests/oracles/recorder.so", f"{folder}/plugins")
        with open(f"{folder}/postern.conf", "w") as file:
            file.write(POSTERN.format(folder=folder, timeout=TIMEOUT))
        reader, writer = os.pipe()
        with os.fdopen(reader) as ready:
            try:
                self.server = Process(folder, "postern", [f"{build}/postern", "serve", "-c", f"{folder}/postern.conf",
                                                          "--ready-fd", str(writer)], pass_fds=(writer,))
            finally:
                os.close(writer)
            url = re.match(r"READY http://127\.0\.0\.1:(\d+)", ready.readline())
        if not url:
            raise RuntimeError("postern does not start:\n" + self.words())
        self.port = int(url[1])
        self.record = Tail(f"{folder}/record", rb"^(\S+) ")

    def words(self):
        with open(f"{self.folder}/postern.log", "rb") as file:
            return file.read().decode("utf-8", "replace")

    def recorded(self, source):
        requests = []
        for line in self.record.take(source):
            _, method, target, body = line.split(b" ")
            requests.append((method, target, bytes.fromhex(body.decode())))
        return requests

    async def read(self, source, item):
        begun = asyncio.get_running_loop().time()
        answer, ended = await talk(self.port, source, item)
        taken = asyncio.get_running_loop().time() - begun
        answers = re.split(rb"(?:^|(?<=\n))HTTP/1\.1 (?=\d{3} )", answer)[1:]
        refusals = [text for text in answers if not text.startswith(b"2")]
        stop = refusals[-1].partition(b"\r\n\r\n")[2].decode("utf-8", "replace") if refusals else ""
        return Course(self.recorded(source), stop=" ".join(stop.split("\n")[:2]).strip(), hangs=not ended,
                      waited=taken >= TIMEOUT, statuses=tuple(int(text[:3]) for text in answers))


# --- nginx ----------------------------------------------------------------------------------------------------------


class Nginx:
    """nginx reads and judges each request with its body, then passes it on to the upstream, which is here."""

    PROGRAM = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:" + os.environ.get("PATH", ""))

    def __init__(self, folder):
        self.folder = folder
        self.passed = collections.defaultdict(list)
        with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
            # The way in which one nginx hands its sockets to the next: no port can be taken by somebody else meanwhile.
            self.port = listener.getsockname()[1]
            with open(f"{folder}/nginx.conf", "w") as file:
                user = "user root;\n" if os.geteuid() == 0 else ""
                file.write(NGINX.format(folder=folder, port=self.port, user=user))
            self.server = Process(folder, "nginx", [self.PROGRAM, "-c", f"{folder}/nginx.conf", "-e",
                                                    f"{folder}/nginx.errors"], pass_fds=(listener.fileno(),),
                                  env={"NGINX": f"{listener.fileno()};"})
        self.seen = Tail(f"{folder}/nginx.seen", rb"^(\S+) ")
        self.errors = Tail(f"{folder}/nginx.errors", rb", client: (127\.\d+\.\d+\.\d+), server: ")

    def words(self):
        with open(f"{self.folder}/nginx.log", "rb") as file, open(f"{self.folder}/nginx.errors", "rb") as errors:
            return (file.read() + errors.read())[-4000:].decode("utf-8", "replace")

    async def __aenter__(self):
        self.upstream = await asyncio.start_unix_server(self.answer, f"{self.folder}/upstream", limit=1 << 20)
        return self

    async def __aexit__(self, *_):
        self.upstream.close()
        await self.upstream.wait_closed()

    async def answer(self, reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            fields = dict(line.split(b": ", 1) for line in head[:-4].split(b"\r\n")[1:])
            body = await reader.readexactly(int(fields.get(b"Content-Length", 0)))
            self.passed[fields[b"X-Client"].decode()].append((fields[b"X-Method"], fields[b"X-Target"], body))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
        writer.close()

    def why(self, source):
        """What its log says of the refusal."""
        found = [re.search(rb"\*\d+ (.*)", line) for line in self.errors.take(source)]
        texts = [match[1] for match in found if match]
        texts = [text for text in texts if b"invalid header line" not in text or b"while reading" in text] or [b""]
        text = re.split(rb" while |, client: ", texts[-1])[0].decode("latin-1")
        text = re.sub(r'"(Content-Length|Transfer-Encoding)"', r"\1", text)
        return re.sub(r'[:,]? ".*', "", text, flags=re.DOTALL)

    async def read(self, source, item):
        _, ended = await talk(self.port, source, item)
        lines = [line.split(b" ") for line in self.seen.take(source)]
        why = self.why(source)
        course = Course(self.passed.pop(source, []), hangs=not ended, statuses=tuple(int(line[1]) for line in lines))
        if lines:
            course.closes = lines[-1][2] != b"keep-alive"
            if lines[-1][1] != b"200" and course.closes:
                course.stop = f"{lines[-1][1].decode()} {why}"
        return course


# --- h11 ------------------------------------------------------------------------------------------------------------


def h11_course(item):
    """What a server on h11 makes of the input."""
    course = Course([])
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    request, body = None, b""
    for data in (item.data(), b""):
        try:
            connection.receive_data(data)
            while True:
                event = connection.next_event()
                if event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
                    break
                if isinstance(event, h11.Request):
                    request, body = event, b""
                elif isinstance(event, h11.Data):
                    body += event.data
                elif isinstance(event, h11.EndOfMessage):
                    course.requests.append((bytes(request.method), bytes(request.target), body))
                    status = 405 if request.method == b"CONNECT" else 200 # which would have it switch protocols
                    connection.send(h11.Response(status_code=status, headers=[("Content-Length", "0")]))
                    connection.send(h11.EndOfMessage())
                    if connection.our_state is not h11.DONE:
                        course.closes = True
                        return course
                    connection.start_next_cycle()
                    request = None
        except h11.RemoteProtocolError as error:
            within = "body: " if request else "" # its trailers among it
            course.stop = within + re.split(r": (?:bytearray|b['\"])| \((?:received|expected)", str(error))[0]
            return course
    return course
