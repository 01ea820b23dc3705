"""Sends back whatever it is sent."""

from plughost import Route, WebSocketHandler, hookimpl


class Echo(WebSocketHandler):
    def on_message(self, message):
        self.write_message(message)


@hookimpl
def plughost_routes():
    return [Route(r"/echo/api/socket", Echo)]
