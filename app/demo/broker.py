"""The demo's MQTT broker, a process of its own: `python -m app.demo.broker PORT`.

amqtt, because it comes from the package index alone; a real city runs Mosquitto.
"""

import asyncio
import logging
import signal
import sys

from amqtt.broker import Broker

ANONYMOUS = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}


async def serve(port: int) -> None:
    """Listens on 127.0.0.1 until SIGTERM, SIGINT, or the end of standard input: with the pipe the
    parent goes, however it goes."""
    listener = {"type": "tcp", "bind": f"127.0.0.1:{port}"}
    broker = Broker({"listeners": {"default": listener}, "plugins": ANONYMOUS})
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_reader(sys.stdin.fileno(), stop.set)
    await broker.start()
    await stop.wait()
    await broker.shutdown()


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)  # a probe of its port is no error
    asyncio.run(serve(int(sys.argv[1])))
