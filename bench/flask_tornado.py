#!/usr/bin/env python3
"""Flask on Tornado, with the blocking part on Tornado's executor: what Postern is to C.

A WSGI application behind WSGIContainer and FallbackHandler, driven through IOLoop.run_in_executor with a
ThreadPoolExecutor of its default size, as tornado.web and concurrent.futures document it; beside it native handlers for
what WSGI cannot do: a future, work after the response, a deadline.

Prints "READY URL" on a free port of 127.0.0.1; runs until SIGTERM.
"""
import asyncio
import concurrent.futures
import signal
import time

import flask
import tornado.gen
import tornado.httpserver
import tornado.ioloop
import tornado.netutil
import tornado.web
import tornado.wsgi

application = flask.Flask(__name__)
executor = concurrent.futures.ThreadPoolExecutor()
waiters = []
pings = 0


@application.route("/fast")
def fast():
    return "fast\n"


@application.route("/sleep/<float(min=0):seconds>")
@application.route("/sleep/<int:seconds>")
def sleep(seconds):
    time.sleep(seconds)
    return "slept\n"


@application.route("/spin/<int:millions>")
def spin(millions):
    for _ in range(millions * 1_000_000):
        pass
    return "spun\n"


class ExecutorFallback(tornado.web.RequestHandler):
    """FallbackHandler answers on the loop; this one calls the same WSGI application on the executor."""

    async def get(self):
        environ = tornado.wsgi.WSGIContainer(application).environ(self.request)

        def call():
            head = []
            body = b"".join(application(environ, lambda status, headers, exc_info=None: head.extend((status, headers))))
            return head[0], head[1], body

        status, headers, body = await tornado.ioloop.IOLoop.current().run_in_executor(executor, call)
        self.set_status(int(status.split()[0]))
        for name, value in headers:
            self.set_header(name, value)
        self.finish(body)


class Main(tornado.web.RequestHandler):
    async def get(self):
        future = asyncio.get_running_loop().create_future()
        waiters.append(future)
        self.finish(await future + "\n")


class Index(tornado.web.RequestHandler):
    def get(self):
        count = len(waiters)
        while waiters:
            waiters.pop().set_result(self.get_argument("value", "done"))
        self.finish(f"{count} waited\n")


class Background(tornado.web.RequestHandler):
    def get(self):
        def ping():
            global pings
            time.sleep(float(self.get_argument("seconds", "5")))
            pings += 1

        tornado.ioloop.IOLoop.current().run_in_executor(executor, ping)
        self.finish("It works\n")


class Pings(tornado.web.RequestHandler):
    def get(self):
        self.finish(f"{pings}\n")


class Deadline(tornado.web.RequestHandler):
    async def get(self, seconds):
        loop = tornado.ioloop.IOLoop.current()
        try:
            await tornado.gen.with_timeout(loop.time() + 1, loop.run_in_executor(executor, time.sleep, float(seconds)))
            self.finish("slept\n")
        except tornado.gen.TimeoutError:
            self.send_error(504)


def main():
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    routes = tornado.web.Application(
        [
            ("/future/main", Main),
            ("/future/index", Index),
            ("/background/", Background),
            ("/background/pings", Pings),
            (r"/deadline/(\d+)", Deadline),
            (".*", ExecutorFallback),
        ],
        log_function=lambda handler: None,
    )
    sockets = tornado.netutil.bind_sockets(0, "127.0.0.1", backlog=1024)
    tornado.httpserver.HTTPServer(routes).add_sockets(sockets)
    print(f"READY http://127.0.0.1:{sockets[0].getsockname()[1]}", flush=True)
    tornado.ioloop.IOLoop.current().start()


main()
