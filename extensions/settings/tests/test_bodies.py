"""Bodies that make no sense, at every route that takes one: told what was expected."""

import asyncio
import json

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

import plughost_settings
from plughost_settings.files import LONGEST_JSON5, LONGEST_TEXT, NotJSON5, parse_json5
from plughost_settings.workspaces import file_name

PLUGIN = "@tea/weather:plugin"
ROUTES = {
    "settings": ("PUT", f"/lab/api/settings/{PLUGIN}"),
    "workspaces": ("PUT", "/lab/api/workspaces/w"),
    "section": ("PUT", "/api/config/tree"),
    "section in part": ("PATCH", "/api/config/tree"),
}
NO_OBJECT = {
    "nothing": b"",
    "blanks": b"  \n",
    "no JSON": b"{",
    "more than JSON": b"{} {}",
    "not UTF-8": b"\xff\xfe{\x00}\x00",
    "not UTF-8 inside": b'{"raw": "\xff", "data": {}, "metadata": {"id": "w\xff"}}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "null": b"null",
    "an array": b"[{}]",
    "a number": b"1e400",
    "a text": b'"{}"',
    "half a character": rb'{"raw": "\ud800", "data": {"a": "\ud800"}, "metadata": {"id": "w"}}',
    "NaN": b'{"data": {"a": NaN}, "raw": NaN, "metadata": {"id": "w"}}',
    "too large a number": b'{"data": {"a": 1e400}, "raw": 1e400, "metadata": {"id": "w"}}',
    "nested": b'{"data":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
}
OTHER_SHAPES = {
    "settings": [b"{}", b'{"raw": null}', b'{"raw": {}}', b'{"raw": ["{}"]}', b'{"RAW": "{}"}'],
    "workspaces": [
        b"{}",
        b'{"data": {}}',
        b'{"metadata": {"id": "w"}}',
        b'{"data": null, "metadata": {"id": "w"}}',
        b'{"data": [], "metadata": {"id": "w"}}',
        b'{"data": {}, "metadata": "w"}',
        b'{"data": {}, "metadata": {"id": 1}}',
        b'{"data": {}, "metadata": {}}',
    ],
}
CASES = [
    pytest.param(*route, body, id=f"{name}-{kind}")
    for name, route in ROUTES.items()
    for kind, body in NO_OBJECT.items()
] + [
    pytest.param(*ROUTES[name], body, id=f"{name}-{body.decode()}")
    for name, bodies in OTHER_SHAPES.items()
    for body in bodies
]


@pytest.mark.proves(
    "PUT /lab/api/settings/{id}",
    "PUT /lab/api/workspaces/{id}",
    "PUT /api/config/{section}",
    "PATCH /api/config/{section}",
)
@pytest.mark.parametrize(("method", "path", "body"), CASES)
async def test_a_body_that_makes_no_sense_is_refused_and_changes_nothing(
    start, weather, config, method, path, body
):
    async with start(plughost_settings, weather) as (_, client):
        reply = await client.request(method, path, body)
    assert reply.status == 400, reply.text
    assert reply.json["message"].startswith("The request's body cannot be used: ")
    assert list(config.iterdir()) == []


@pytest.mark.parametrize(("method", "path"), ROUTES.values(), ids=ROUTES)
async def test_a_body_that_is_too_large_is_refused(start, weather, config, method, path):
    async with start(plughost_settings, weather) as (_, client):
        reply = await client.request(method, path, b" " * (16 * 1024 * 1024 + 1))
    assert (reply.status, "bytes" in reply.json["message"]) == (413, True)
    assert list(config.iterdir()) == []


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("", "Empty"),
        ("null", "something else than an object"),
        ("[]", "something else than an object"),
        ("1e400", "JSON cannot carry"),
        ('{"unit": Infinity}', "JSON cannot carry"),
        ("{unit: NaN}", "JSON cannot carry"),
        ('{"towns": {"a": ' + "9" * 5000 + "}}", "digits"),
        ("[" * 5000, "recursion"),
        ('{"towns": ' + '{"a":' * 990 + "1" + "}" * 990 + "}", ""),
        ("{'towns': '" + "x" * LONGEST_JSON5 + "'}", f"longer than {LONGEST_JSON5}"),
        (" " * (LONGEST_TEXT + 1), f"longer than {LONGEST_TEXT}"),
        ('{"unit": "' + "x" * 100_000 + '"}', " … "),
    ],
    ids=lambda value: repr(value[:24]),
)
async def test_settings_of_another_kind_are_refused(start, weather, config, raw, said):
    async with start(plughost_settings, weather) as (_, client):
        reply = await client.put(f"/lab/api/settings/{PLUGIN}", {"raw": raw})
    assert (reply.status, said in reply.json["message"]) == (400, True), reply.text[:500]
    assert len(reply.text) < 2000
    assert list(config.iterdir()) == []


async def test_what_json_can_carry_is_taken_as_it_is(start, weather, config):
    """Whatever the content type says, in any order, and with what nobody knows."""
    values = {"": [None, -0.0, 1e308, 2**62], "ü\x00😀": {"__proto__": "x" * 70_000}}
    text = json.dumps({"x": 1, "raw": json.dumps({"towns": values}), "settings": None})
    workspace = json.dumps({"metadata": {"id": "w"}, "data": values, "more": [1]})
    headers = {"Content-Type": "text/plain;charset=UTF-8"}
    async with start(plughost_settings, weather) as (_, client):
        replies = [
            await client.put(f"/lab/api/settings/{PLUGIN}", text, headers=headers),
            await client.put("/lab/api/workspaces/w", workspace, headers=headers),
            await client.put("/api/config/tree", json.dumps({"a": values}), headers=headers),
        ]
        settings = (await client.get(f"/lab/api/settings/{PLUGIN}")).json["settings"]
        data = (await client.get("/lab/api/workspaces/w")).json["data"]
        section = (await client.get("/api/config/tree")).json
    assert [reply.status for reply in replies] == [204, 204, 204]
    assert (settings["towns"], data) == (values, values)
    # A null in a section means that there is none, in whichever of the files it stands.
    assert section["a"]["ü\x00😀"] == values["ü\x00😀"]


async def test_of_simultaneous_writers_one_is_last_and_no_file_is_torn(start, weather, config):
    raws = [json.dumps({"towns": {"n": n, "pad": "x" * n * 1000}}) for n in range(20)]
    workspaces = [{"data": {"raw": raw}, "metadata": {"id": "w"}} for raw in raws]
    async with start(plughost_settings, weather) as (_, client):
        replies = await asyncio.gather(
            *(client.put(f"/lab/api/settings/{PLUGIN}", {"raw": raw}) for raw in raws),
            *(client.put("/lab/api/workspaces/w", each) for each in workspaces),
            *(client.put("/api/config/tree", {"raw": raw}) for raw in raws),
            *(client.patch("/api/config/other", {str(n): n}) for n in range(20)),
        )
        settings = (await client.get(f"/lab/api/settings/{PLUGIN}")).json["raw"]
        workspace = (await client.get("/lab/api/workspaces/w")).json["data"]["raw"]
        section = (await client.get("/api/config/tree")).json["raw"]
        other = (await client.get("/api/config/other")).json
    assert {reply.status for reply in replies} == {200, 204}
    assert {settings, workspace, section} <= set(raws)
    assert other == {str(n): n for n in range(20)}, "changes add up"
    files = [path.name for path in config.rglob("*") if path.is_file()]
    assert sorted(files) == [
        "other.json",
        "plugin.jupyterlab-settings",
        "tree.json",
        "w-50e7.jupyterlab-workspace",
    ]


@pytest.mark.parametrize(
    ("method", "path", "body", "named"),
    [
        (*ROUTES["settings"], {"raw": "{}"}, "lab/user-settings/@tea/weather/plugin"),
        (*ROUTES["workspaces"], {"data": {}, "metadata": {"id": "w"}}, "lab/workspaces/w-50e7"),
        (*ROUTES["section"], {"a": 1}, "serverconfig/tree.json"),
        (*ROUTES["section in part"], {"a": 1}, "serverconfig/tree.json"),
    ],
)
async def test_a_folder_that_cannot_be_written_is_named(
    start, weather, config, method, path, body, named
):
    # A file where a folder should be: that stops root, too.
    for name in ("lab", "serverconfig"):
        (config / name).write_text("")
    async with start(plughost_settings, weather) as (_, client):
        reply = await client.request(method, path, body)
        read = await client.get(path)
    assert (reply.status, "cannot be written" in reply.json["message"]) == (403, True)
    assert str(config / named) in reply.json["message"]
    assert read.status == 200


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
AT_LEISURE = examples(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no mistake."""
GAPS = st.sampled_from(["", " ", "\n", "// not \"this'\n", "/* nor ', this } */", "\t/**/\r\n"])


@AT_LEISURE
@given(JSON, st.data())
def test_comments_and_a_trailing_comma_change_nothing(value, data):
    text = json.dumps({"a": value, "b": [value]}, indent=1, ensure_ascii=False)
    lines = [data.draw(GAPS) + line for line in text.split("\n")]
    lines[-1] = f"{data.draw(GAPS)},{data.draw(GAPS)}{lines[-1]}"
    assert parse_json5("\n".join(lines), "x") == {"a": value, "b": [value]}


@AT_LEISURE
@given(st.text(max_size=200))
def test_any_text_is_a_value_or_refused(text):
    try:
        value = parse_json5(text, "The text")
    except NotJSON5:
        return
    json.dumps(value, allow_nan=False).encode()


@AT_LEISURE
@given(st.text())
def test_the_file_of_a_workspace_is_one_short_plain_name(name):
    file = file_name(name)
    assert file.isascii()
    assert len(file) <= 128
    assert not set(file) & set("/\\\0:")
    assert file not in (".", "..")
