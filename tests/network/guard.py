"""On the path of a process and of all it starts: notes every address asked for, lets none but one through.

Works as ``sitecustomize.py``, which every interpreter loads first. It is the interpreter itself that tells of
a connection (an audit event), whichever library makes it.
"""

import os
import sys

ASKING = {"socket.connect", "socket.sendto", "socket.sendmsg"}
NAMING = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
LOG, ALLOWED = os.environ.get("NETWORK_LOG", ""), os.environ.get("NETWORK_ALLOWED", "")


def watch(event, arguments):
    """Note an address of the internet, or the name of a host, and refuse it."""
    if event in ASKING:
        address = arguments[1]
        if not isinstance(address, tuple):
            return  # a socket that is a file, within this machine
        asked = f"{address[0]}:{address[1]}"
    elif event in NAMING:
        asked = str(arguments[0])
    else:
        return
    with open(LOG, "a", encoding="utf-8") as log:
        log.write(f"{asked}\n")
    if asked not in (ALLOWED, ALLOWED.rpartition(":")[0]):
        raise PermissionError(f"no connection to {asked}")


if LOG:
    sys.addaudithook(watch)
