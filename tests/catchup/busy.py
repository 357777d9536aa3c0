"""Eight connections to one port, one write in flight on each, until somebody ends it."""

import sys

from redis.connection import Connection

KEYS = 2000


def write_for_ever(port: int) -> None:
    wires = [Connection(port=port, lib_name=None, lib_version=None) for _ in range(8)]
    number = 0
    while True:
        for wire in wires:
            number += 1
            wire.connect()
            wire.send_command("SET", f"busy:{number % KEYS}", f"{number:0100}")
        for wire in wires:
            wire.read_response()


if __name__ == "__main__":
    write_for_ever(int(sys.argv[1]))
