"""The lab's page: where it answers, what it carries, what it may run."""

import json
import re
from pathlib import Path

import pytest

import plughost_lab
from plughost import PageConfig, __version__, hookimpl
from plughost_lab.visit import LabOptions

PACKAGE = Path(plughost_lab.__file__).parent


class Switching:
    """Extensions that switch plugins off, one more than the other."""

    def __init__(self, **values):
        self.values = values

    @hookimpl
    def plughost_page_config(self):
        return [PageConfig("lab", lambda visit: self.values)]


@pytest.mark.proves(
    "GET /lab", "GET /lab/tree/{path}", "GET /lab/workspaces/{name}",
    "GET /lab/workspaces/{name}/tree/{path}", "GET /doc", "GET /doc/tree/{path}",
    "GET /doc/workspaces/{name}", "GET /doc/workspaces/{name}/tree/{path}",
    "treePath", "workspace", "mode",
)  # fmt: skip
@pytest.mark.parametrize("root", ["lab", "doc"])
@pytest.mark.parametrize(
    ("path", "workspace", "tree"),
    [
        ("", "default", ""),
        ("/tree", "default", ""),
        ("/tree/", "default", ""),
        ("/tree/a/b%20c.ipynb?1763860000000", "default", "a/b c.ipynb"),
        ("/workspaces/my%20work", "my work", ""),
        ("/workspaces/w/tree/tree/workspaces/x", "w", "tree/workspaces/x"),
        ("/tree/api/extensions", "default", "api/extensions"),
    ],
)
async def test_an_address_says_what_to_show(start, config_of, root, path, workspace, tree):
    async with start(plughost_lab) as (_, client):
        reply = await client.get(f"/{root}{path}")
    values = config_of(reply.text)
    mode = {"lab": "multiple-document", "doc": "single-document"}[root]
    assert reply.status == 200
    assert [values[key] for key in ("mode", "workspace", "treePath")] == [mode, workspace, tree]
    assert "notFoundUrl" not in values


@pytest.mark.proves("GET /lab/{unknown}", "notFoundUrl")
@pytest.mark.parametrize(
    "path", ["/lab/nowhere", "/lab/trees/a", "/lab/apis", "/lab/workspaces", "/lab/workspaces/w/x"]
)
async def test_an_unknown_place_is_the_page_that_says_so(start, config_of, path):
    async with start(plughost_lab) as (_, client):
        reply = await client.get(path)
    assert (reply.status, config_of(reply.text)["notFoundUrl"]) == (200, path)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/lab/api/nothing", "application/json"),
        ("/lab/api", "application/json"),
        ("/lab/extensions/x/static/remoteEntry.js", "text/html"),
        ("/label", "text/html"),
        ("/docs", "text/html"),
    ],
)
async def test_what_programs_ask_for_is_never_answered_with_the_page(start, path, kind):
    async with start(plughost_lab) as (_, client):
        reply = await client.get(path)
    assert (reply.status, reply.headers["Content-Type"].split(";")[0]) == (404, kind)
    assert "jupyter-config-data" not in reply.text


async def test_the_start_page_leads_to_the_lab(start):
    async with start(plughost_lab) as (host, client):
        reply = await client.get("/")
    assert (reply.status, reply.headers["Location"]) == (302, "/lab")
    assert host.pages[0].open == "/lab/tree/{path}"


async def test_the_page_is_not_for_strangers(start):
    async with start(plughost_lab) as (_, client):
        reply = await client.get("/lab", token=None)
    assert reply.status in (302, 403)
    assert "jupyter-config-data" not in reply.text


@pytest.mark.proves(
    "baseUrl", "wsUrl", "token", "appUrl", "appName", "appVersion", "appNamespace",
    "federated_extensions", "labextensionsUrl", "labextensionsPath", "fullLabextensionsUrl",
    "treeUrl", "docUrl", "fullAppUrl", "fullTreeUrl", "notebookVersion", "quitButton",
    "buildAvailable", "buildCheck", "cacheFiles", "devMode", "exposeAppInBrowser",
    "alwaysShowDebuggerExtension", "appendToken", "staticUrl", "fullStaticUrl", "staticDir",
    "templatesDir",
)  # fmt: skip
async def test_the_page_knows_where_it_lives_and_never_the_token(start, config_of):
    options = {"lab": {"expose_app_in_browser": True}}
    async with start(plughost_lab, base_url="/u/ada/", extensions=options) as (host, client):
        reply = await client.get("/u/ada/lab")
    assert client.token == host.auth.token
    assert client.token not in reply.text
    assert config_of(reply.text) == {
        "appName": "plughost",
        "appVersion": __version__,
        "appNamespace": "lab",
        "appUrl": "/lab",
        "fullAppUrl": "/u/ada/lab",
        "baseUrl": "/u/ada/",
        "wsUrl": "",
        "token": "",
        "treeUrl": "/lab/tree",
        "fullTreeUrl": "/u/ada/lab/tree",
        "docUrl": "/doc",
        "labextensionsUrl": "/lab/extensions",
        "fullLabextensionsUrl": "/u/ada/lab/extensions",
        "federated_extensions": [],
        "labextensionsPath": [],
        "mode": "multiple-document",
        "workspace": "default",
        "treePath": "",
        "notebookVersion": "[2, 21, 1]",
        "quitButton": True,
        "buildAvailable": False,
        "buildCheck": False,
        "cacheFiles": True,
        "devMode": False,
        "externalContent": [],
        "exposeAppInBrowser": True,
        "alwaysShowDebuggerExtension": False,
        "appendToken": False,
        "staticUrl": "/plughost/frontends/lab",
        "fullStaticUrl": "/u/ada/plughost/frontends/lab",
        "staticDir": str(PACKAGE / "frontend"),
        "templatesDir": str(PACKAGE),
    }


async def test_the_configuration_stands_before_every_module(start, app):
    async with start(plughost_lab, app) as (_, client):
        html = (await client.get("/lab")).text
    boot = json.loads(re.search(r'id="plughost-boot">(.*?)</script>', html)[1])
    assert boot["app"]["package"] == "@stand/in"
    assert "config" not in boot, "the configuration is in the page once"
    found = [html.index(part) for part in ("jupyter-config-data", "importmap", "modulepreload")]
    assert found == sorted(found)
    assert '<body class="jp-ThemedContainer">' in html


async def test_the_lab_may_evaluate_scripts_of_its_own_origin_and_nothing_else(start):
    async with start(plughost_lab) as (_, client):
        policy = (await client.get("/lab")).headers["Content-Security-Policy"]
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    assert directives.pop("script-src") == "'self' 'unsafe-inline' 'unsafe-eval'"
    assert directives["object-src"] == "blob:"
    assert directives["frame-ancestors"] == "'none'"
    assert "nonce" not in policy
    assert not re.search(r"https?:|\*", policy)


async def test_content_of_named_servers_is_let_in_but_for_objects_and_forms(start, config_of):
    sources = ["https://cdn.bokeh.org", "http://localhost:8000"]
    options = {"lab": {"external_content": sources}}
    async with start(plughost_lab, extensions=options) as (_, client):
        reply = await client.get("/lab")
    policy = reply.headers["Content-Security-Policy"]
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    allowing = [name for name, value in directives.items() if value.endswith(" ".join(sources))]
    assert sorted(allowing) == [
        "connect-src", "font-src", "frame-src", "img-src", "media-src", "script-src", "style-src",
    ]  # fmt: skip
    assert directives["script-src"].startswith("'self' 'unsafe-inline' 'unsafe-eval' https:")
    assert policy.count("cdn.bokeh.org") == len(allowing)
    assert config_of(reply.text)["externalContent"] == sources


@pytest.mark.parametrize(
    ("source", "usable"),
    [
        ("https:", True),
        ("https://*", True),
        ("https://*.githubusercontent.com", True),
        ("HTTPS://Example.org:8443/some/path/", True),
        ("http://localhost:*", True),
        ("*", False),
        ("", False),
        ("cdn.bokeh.org", False),
        ("'unsafe-inline'", False),
        ("https://a.example; script-src *", False),
        ("https://a.example https://b.example", False),
        ("https://a.example/x,y", False),
        ("https://a.*.example", False),
        ("https://", False),
        ("https://a.example\n", False),
    ],
)
def test_only_what_can_stand_in_a_policy_is_a_source(source, usable):
    if usable:
        LabOptions(external_content=(source,))
        return
    with pytest.raises(ValueError, match="external_content has") as caught:
        LabOptions(external_content=(source,))
    assert repr(source) in str(caught.value)
    assert "https://cdn.bokeh.org" in str(caught.value)


async def test_switches_of_several_extensions_become_lists_of_what_is_on(start, config_of):
    first = Switching(disabledExtensions={"a": True, "b": True}, deferredExtensions=["kept"])

    class Second(Switching):
        pass

    second = Second(disabledExtensions={"b": False, "c": True})
    async with start(plughost_lab, first, second) as (_, client):
        values = config_of((await client.get("/lab")).text)
    assert (values["disabledExtensions"], values["deferredExtensions"]) == (["a", "c"], ["kept"])


async def test_a_path_cannot_break_out_of_the_configuration(start, config_of):
    async with start(plughost_lab) as (_, client):
        html = (await client.get("/lab/tree/%3C/script%3E%3Cscript%3Ealert(1)//")).text
    assert config_of(html)["treePath"] == "</script><script>alert(1)//"
    assert "<script>alert" not in html


async def test_without_a_compiled_browser_half_the_page_says_what_helps(start):
    async with start(plughost_lab) as (_, client):
        html = (await client.get("/lab")).text
    assert "plughost build" in html or "plughost extensions list" in html
    assert 'id="plughost-splash"' not in html


async def test_the_persons_style_sheet_is_linked_where_settings_say_it_is(start):
    async with start(plughost_lab, Switching(customStyleUrl="/custom/custom.css")) as (_, client):
        html = (await client.get("/lab")).text
    assert '<link rel="stylesheet" href="/custom/custom.css">' in html


@pytest.mark.proves("GET /static/favicons/{file}", "GET /favicon.ico")
async def test_icons_are_there_before_anybody_has_logged_in(start):
    async with start(plughost_lab) as (_, client):
        html = (await client.get("/lab")).text
        links = re.findall(r'<link rel="(icon)?"[^>]* href="(\S+)" class="(\w+) favicon">', html)
        replies = [await client.get(href, token=None) for _, href, _ in links]
        icon = await client.get("/favicon.ico", token=None)
        head = await client.request("HEAD", "/favicon.ico", token=None)
        missing = await client.get("/static/favicons/..%2flab.html", token=None)
    assert [(rel, kind) for rel, _, kind in links] == [("icon", "idle"), ("", "busy")]
    assert [reply.headers["Content-Type"] for reply in replies] == ["image/svg+xml"] * 2
    assert (icon.status, icon.body[:4]) == (200, b"\x00\x00\x01\x00")
    assert (head.status, head.headers["Content-Length"]) == (200, str(len(icon.body)))
    assert missing.status in (403, 404)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/tree", "/lab"),
        ("/tree/", "/lab"),
        ("/tree/a%20b/c?reset", "/lab/tree/a%20b/c?reset"),
        ("/notebooks/d/%C3%A4.ipynb?x=1&y=%2F", "/lab/tree/d/%C3%A4.ipynb?x=1&y=%2F"),
        ("/edit/d/notes.txt", "/lab/tree/d/notes.txt"),
        ("/edit//elsewhere.example/x", "/lab/tree/elsewhere.example/x"),
    ],
)
@pytest.mark.parametrize("base_url", ["/", "/user/ada/"])
async def test_addresses_of_the_classic_notebook_lead_to_the_lab(start, base_url, old, new):
    base = base_url.rstrip("/")
    async with start(plughost_lab, base_url=base_url) as (_, client):
        reply = await client.get(base + old)
        stranger = await client.get(base + old, token=None)
    assert (reply.status, reply.headers["Location"]) == (302, base + new)
    assert stranger.status == 403
