"""Whether a PostgreSQL server answers at all, asked beside a connection that waits for it.

A server asks every newcomer for a first word before it looks at who that is. The shortest is the
question whether connections are to be encrypted, which it answers with one byte: no user, no
password, and none of the places that `max_connections` counts.
https://www.postgresql.org/docs/current/protocol-message-formats.html (SSLRequest)
"""

import socket
import struct

_ENCRYPTED = struct.pack("!ii", 8, 80877103)  # its length, and the code of SSLRequest


def answers(host: str, port: int, seconds: float) -> bool:
    """Return whether a server says something within so many seconds.

    Parameters
    ----------
    host : its name or address, or the folder of its socket, which begins with "/".
    """
    local = host.startswith("/")
    family = socket.AF_UNIX if local else socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as asking:
        asking.settimeout(seconds)
        try:
            asking.connect(f"{host}/.s.PGSQL.{port}" if local else (host, port))
            asking.sendall(_ENCRYPTED)
            return bool(asking.recv(1))
        except OSError:
            return False
