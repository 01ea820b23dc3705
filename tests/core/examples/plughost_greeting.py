"""Greets whoever asks."""

from plughost import JSONHandler, Route, hookimpl


class Greeting(JSONHandler):
    def get(self, name: str) -> None:
        self.reply({"greeting": f"Hello, {name}"})


@hookimpl
def plughost_routes():
    return [Route(r"/greeting/api/hello/(?P<name>[^/]+)", Greeting)]
