"""Keeps the last warnings, whoever logs them, for people who cannot see the terminal."""

import logging
from collections import deque

from plughost import JSONHandler, LogHandler, Route, Service, hookimpl


class Journal(logging.Handler):
    """The last hundred messages."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages = deque(maxlen=100)

    def emit(self, record):
        self.messages.append(self.format(record))


class JournalHandler(JSONHandler):
    def initialize(self, journal):
        self.journal = journal

    def get(self):
        self.reply([*self.journal.messages])


@hookimpl
def plughost_services():
    return [Service(Journal())]


@hookimpl
def plughost_routes(host):
    return [Route(r"/journal/api/messages", JournalHandler, journal=host.service(Journal))]


@hookimpl
def plughost_log_handlers(host):
    return [LogHandler(host.service(Journal))]
