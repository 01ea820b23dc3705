"""Lets people in who have a badge; a gate sends its number along, or they type it."""

from plughost import Authenticator, Forbidden, Handler, Route, User, hookimpl

BADGES = {"4711": User("ada", name="Ada Lovelace", display_name="Ada", initials="AL")}


def by_badge(request):
    number = request.headers.get("X-Badge")
    if number == "revoked":
        raise Forbidden("This badge has been revoked.", hint="Ask at the gate for another.")
    return BADGES.get(number)


class LoginPage(Handler):
    """Where a person without proof is sent, with `?next=` to come back."""

    def get(self):
        self.finish('<form method="post">Badge <input name="badge"> <button>Go</button></form>')

    def post(self):
        user = BADGES.get(self.get_body_argument("badge"))
        if user is None:
            raise Forbidden("This badge is not known.", hint="Ask at the gate.")
        self.host.auth.log_in(self, user)
        self.redirect(here(self.get_query_argument("next", "/")))


def here(url):
    """The URL if it stays on this server; two slashes in front would name another host."""
    return url if url.startswith("/") and url[1:2] not in ("/", "\\") else "/"


@hookimpl
def plughost_authenticators():
    # Not ambient: no browser sends X-Badge by itself.
    return [Authenticator(by_badge, ambient=False, login="/badge")]


@hookimpl
def plughost_routes():
    return [Route(r"/badge", LoginPage, public=True)]
