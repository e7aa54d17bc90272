"""What `BROWSER` names: has the workshop run the browser, and waits for it. It starts in no time.

usage: python -I -S open_browser.py SOCKET CA_FILE DECISION URL
"""

import json
import os
import socket
import sys

at, *arguments = sys.argv[1:]
asked = json.dumps({"what": ["browser", *arguments], "cwd": "/", "env": {}}).encode()
with socket.socket(socket.AF_UNIX) as workshop:
    workshop.connect(at)
    socket.send_fds(workshop, [len(asked).to_bytes(4, "big") + asked], [0, 1, 2])
    os._exit(workshop.recv(1)[0])
