"""The smallest app there is: it answers every GET."""

import http.server
import sys


class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"hello from the app\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


host, port = sys.argv[1].rsplit(":", 1)
print("app listens on", sys.argv[1], flush=True)
http.server.ThreadingHTTPServer((host, int(port)), App).serve_forever()
