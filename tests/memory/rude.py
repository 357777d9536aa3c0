"""A connection that sends bytes, reads when it likes to, and does not mind being closed."""

import socket
import threading


class Rude:
    """One connection; small buffers of its own, so that what it does not take is the server's to keep."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 10)
        self.socket.settimeout(30)
        self.socket.connect(("127.0.0.1", port))

    def send(self, sent: bytes, patience_s: float = 5) -> None:
        """Sends as much as the server takes within this time without a pause."""
        self.socket.settimeout(patience_s)
        try:
            self.socket.sendall(sent)
        except OSError:
            # It does not read on, or has closed the connection.
            pass
        self.socket.settimeout(30)

    def start(self, sent: bytes) -> None:
        """Sends all of it, beside what else goes on."""
        threading.Thread(target=self.send, args=(sent, 30)).start()

    def line(self) -> bytes:
        """Up to the end of a line, or of the connection."""
        came = b""
        while not came.endswith(b"\n"):
            piece = self.piece(1)
            if not piece:
                break
            came += piece
        return came

    def take(self, length: int) -> bool:
        """Whether so many bytes come."""
        while length > 0:
            piece = self.piece(min(length, 64 << 10))
            if not piece:
                return False
            length -= len(piece)
        return True

    def rest(self) -> bytes:
        """All that comes until the server closes the connection."""
        came = b""
        while piece := self.piece(64 << 10):
            came += piece
        return came

    def piece(self, length: int) -> bytes:
        try:
            return self.socket.recv(length)
        except OSError:
            return b""

    def close(self) -> None:
        self.socket.close()
