"""`/lab/api/settings`: schemas, overrides, and the person's own files."""

import asyncio
import json
import time

import pytest

import plughost_settings
from plughost_settings.files import NotJSON5, parse_json5

PLUGIN = "@tea/weather:plugin"
AT = f"/lab/api/settings/{PLUGIN}"


def own_file(config):
    return config / "lab/user-settings/@tea/weather/plugin.jupyterlab-settings"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.proves("GET /lab/api/settings")
async def test_all_settings_come_with_schema_version_and_defaults(start, weather, config):
    async with start(plughost_settings, weather) as (_, client):
        reply = await client.get("/lab/api/settings?1763860000000")
    entries = reply.json["settings"]
    assert (reply.status, [entry["id"] for entry in entries]) == (200, ["plain:zoom", PLUGIN])
    schema = json.loads((weather.folder / "schemas/@tea/weather/plugin.json").read_text())
    assert entries[1] == {
        "id": PLUGIN,
        "schema": schema,
        "version": "2.1.0",
        "raw": "{}",
        "settings": {},
        "last_modified": None,
        "created": None,
    }
    assert entries[0]["version"] == "N/A"


@pytest.mark.proves("GET /lab/api/settings (ids_only)")
async def test_ids_are_listed_in_descending_order(start, weather, config):
    async with start(plughost_settings, weather) as (_, client):
        reply = await client.get("/lab/api/settings?ids_only=true&1763860000000")
    assert reply.json == {"settings": [{"id": "plain:zoom"}, {"id": PLUGIN}]}


@pytest.mark.proves("PUT /lab/api/settings/{id}", "GET /lab/api/settings/{id}")
async def test_saved_settings_keep_their_comments_in_jupyters_own_file(start, weather, config):
    raw = "{\n  // as at home\n  'unit': \"F\",\n}"
    async with start(plughost_settings, weather) as (_, client):
        saved = await client.put(AT, {"raw": raw}, headers={"Content-Type": "text/plain"})
        reply = await client.get(AT)
    assert (saved.status, saved.body) == (204, b"")
    assert own_file(config).read_text() == raw
    assert (reply.json["raw"], reply.json["settings"]) == (raw, {"unit": "F"})
    assert reply.json["last_modified"].endswith("+00:00")
    assert list(own_file(config).parent.iterdir()) == [own_file(config)], "nothing temporary stays"


async def test_settings_of_an_existing_jupyterlab_user_are_found(start, weather, config):
    write(own_file(config), '{"unit": "F"}')
    async with start(plughost_settings, weather) as (_, client):
        reply = await client.get(AT)
    assert reply.json["settings"] == {"unit": "F"}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ('{\n"unit": }', "line 2 Unexpected"),
        ('{"unit": "K"}', "not valid at '$.unit': 'K' is not one of ['C', 'F']"),
        ('{"wind": 1}', "not valid at '$': Additional properties"),
        ("[]", "something else than an object"),
        (r'{"unit": "\ud800"}', "that JSON cannot carry"),
    ],
)
async def test_settings_that_make_no_sense_are_refused_with_the_place(
    start, weather, config, raw, said
):
    async with start(plughost_settings, weather) as (_, client):
        reply = await client.put(AT, {"raw": raw})
    assert reply.status == 400
    assert said in reply.json["message"]
    assert not own_file(config).exists()


@pytest.mark.parametrize("body", ["", "{", '{"settings": {}}', '{"raw": {}}', "[]"])
async def test_a_body_of_another_shape_is_refused(start, weather, config, body):
    async with start(plughost_settings, weather) as (_, client):
        reply = await client.put(AT, body)
    assert reply.status == 400
    assert "body cannot be used" in reply.json["message"]


@pytest.mark.parametrize(
    "plugin",
    ["@tea/weather:wind", "nobody:nothing", "@tea/..:weather", "..:plugin", "plain:..%2Fzoom", "x"],
)
async def test_a_plugin_without_a_schema_is_not_found(start, weather, config, plugin):
    async with start(plughost_settings, weather) as (_, client):
        read = await client.get(f"/lab/api/settings/{plugin}")
        saved = await client.put(f"/lab/api/settings/{plugin}", {"raw": "{}"})
    assert (read.status, saved.status) == (404, 404)
    assert "ids_only" in read.json["hint"]
    assert not (config / "lab").exists()


async def test_a_broken_file_gives_way_to_the_defaults_and_is_kept(start, weather, config):
    write(own_file(config), '{"unit": "F", // an hour of work')
    async with start(plughost_settings, weather) as (_, client):
        listed = (await client.get("/lab/api/settings")).json["settings"][1]
        await client.put(AT, {"raw": '{"unit": "C"}'})
        repaired = (await client.get(AT)).json
    assert (listed["raw"], listed["settings"]) == ("{}", {})
    assert "is not JSON5: line 1" in listed["warning"]
    assert (repaired["settings"], "warning" in repaired) == ({"unit": "C"}, False)
    copy = own_file(config).with_name(own_file(config).name + ".broken-1")
    assert copy.read_text() == '{"unit": "F", // an hour of work'


async def test_settings_that_the_schema_no_longer_allows_give_way_too(start, weather, config):
    write(own_file(config), '{"unit": "kelvin"}')
    async with start(plughost_settings, weather) as (_, client):
        reply = await client.get(AT)
    assert (reply.status, reply.json["settings"]) == (200, {})
    assert "'$.unit'" in reply.json["warning"]


async def test_an_administrator_overrides_defaults(start, weather, config, app_settings):
    write(app_settings / "overrides.d/10.json", json.dumps({PLUGIN: {"unit": "F"}}))
    write(app_settings / "overrides.json5", f"{{'{PLUGIN}': {{towns: {{work: 'Bergen'}}}}}}")
    labconfig = config / "labconfig/default_setting_overrides.json"
    write(labconfig, json.dumps({PLUGIN: {"wind": "strong"}}))
    async with start(plughost_settings, weather) as (_, client):
        schema = (await client.get(AT)).json["schema"]
    defaults = {name: setting["default"] for name, setting in schema["properties"].items()}
    assert defaults == {
        "unit": "F",
        "towns": {"home": "Oslo", "work": "Bergen"},
        "wind": "strong",
    }


async def test_a_broken_override_or_schema_leaves_the_others(start, weather, config, app_settings):
    write(app_settings / "overrides.json", "{")
    weather.write("schemas/broken/plugin.json", "{")
    weather.write("schemas/odd/plugin.json", {"type": "no such type"})
    write(config / "lab/user-settings/odd/plugin.jupyterlab-settings", '{"a": 1}')
    async with start(plughost_settings, weather) as (_, client):
        listed = (await client.get("/lab/api/settings")).json["settings"]
        broken = await client.get("/lab/api/settings/broken:plugin")
    assert [entry["id"] for entry in listed] == ["plain:zoom", "odd:plugin", PLUGIN]
    assert "its schema cannot be used" in listed[1]["warning"]
    assert (broken.status, "cannot be used" in broken.json["message"]) == (500, True)


async def test_a_schema_that_changes_on_disk_is_read_again(start, weather, config):
    async with start(plughost_settings, weather) as (_, client):
        before = (await client.get(AT)).json["schema"]["title"]
        weather.write("schemas/@tea/weather/plugin.json", {"title": "Better weather"})
        after = (await client.get(AT)).json["schema"]["title"]
    assert (before, after) == ("Weather", "Better weather")


async def test_a_linked_settings_file_stays_a_link(start, weather, config, tmp_path):
    target = tmp_path / "dotfiles" / "weather.json5"
    write(target, "{}")
    own_file(config).parent.mkdir(parents=True)
    own_file(config).symlink_to(target)
    async with start(plughost_settings, weather) as (_, client):
        await client.put(AT, {"raw": '{"unit": "F"}'})
    assert own_file(config).is_symlink()
    assert target.read_text() == '{"unit": "F"}'


async def test_a_folder_that_cannot_be_made_is_named(start, weather, config):
    write(config / "lab", "a file where a folder should be")
    async with start(plughost_settings, weather) as (_, client):
        reply = await client.put(AT, {"raw": "{}"})
    assert (reply.status, "cannot be written" in reply.json["message"]) == (403, True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": "// no comment, /* nor this */", }', {"a": "// no comment, /* nor this */"}),
        ("{'a': 'it // stays', b: [1, 2,], // gone\n}", {"a": "it // stays", "b": [1, 2]}),
        ('/* x */ {"a": ",}", "b": "\\"//"}', {"a": ",}", "b": '"//'}),
        ('{"a": "x" // y\n , }', {"a": "x"}),
    ],
)
def test_comments_and_strings_are_told_apart(text, value):
    assert parse_json5(text, "The text") == value


@pytest.mark.parametrize("text", ["[,]", "{,}", "1/**/2", '{"a": 1,,}', "/* open"])
def test_what_json5_forbids_is_refused(text):
    with pytest.raises(NotJSON5, match=r"The text is not JSON5: line 1"):
        parse_json5(text, "The text")


async def test_a_schema_that_refers_elsewhere_makes_nobody_fetch_it(start, weather, config):
    write(config / "lab/user-settings/far/plugin.jupyterlab-settings", '{"a": 1}')
    async with start(plughost_settings, weather) as (_, client):
        # This server would answer, with what is a schema that allows everything.
        weather.write("schemas/far/plugin.json", {"$ref": f"{client.base}/api"})
        reply = await client.get("/lab/api/settings/far:plugin")
    assert "its schema cannot be used" in reply.json["warning"]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"properties": {"a": {"pattern": "("}}}, "its schema cannot be used"),
        ({"properties": {"a": {"type": "nothing"}}}, "its schema cannot be used"),
        ({"$ref": "#"}, "its schema cannot be used"),
        ({"properties": []}, "its schema cannot be used"),
        ({"properties": {"b": {"multipleOf": 0.1}}}, "a number is too large"),
    ],
)
async def test_a_schema_that_cannot_be_used_is_told_and_holds_up_no_other(
    start, weather, config, app_settings, schema, said
):
    weather.write("schemas/odd/plugin.json", schema)
    raw = '{"a": "x", "b": ' + "9" * 400 + "}"
    write(config / "lab/user-settings/odd/plugin.jupyterlab-settings", raw)
    async with start(plughost_settings, weather) as (_, client):
        listed = (await client.get("/lab/api/settings")).json["settings"]
        saved = await client.put("/lab/api/settings/odd:plugin", {"raw": raw})
    told = {entry["id"]: entry.get("warning", "") for entry in listed}
    assert list(told) == ["plain:zoom", "odd:plugin", PLUGIN]
    assert said in told["odd:plugin"]
    assert (saved.status, said in saved.json["message"]) == (400, True)


async def test_overrides_of_a_schema_without_properties_are_its_only_ones(
    start, weather, config, app_settings
):
    weather.write("schemas/bare/plugin.json", {"properties": {"a": None}})
    write(app_settings / "overrides.json", json.dumps({"bare:plugin": {"a": 1, "b": [2]}}))
    async with start(plughost_settings, weather) as (_, client):
        schema = (await client.get("/lab/api/settings/bare:plugin")).json["schema"]
    assert schema["properties"] == {"a": {"default": 1}, "b": {"default": [2]}}


async def test_what_changes_on_disk_is_seen_in_the_whole_list(start, weather, config, app_settings):
    async def listed():
        entry = (await client.get("/lab/api/settings")).json["settings"][1]
        default = entry["schema"].get("properties", {}).get("unit", {}).get("default")
        return entry["version"], default, entry["settings"]

    async with start(plughost_settings, weather) as (_, client):
        seen = [await listed()]
        write(own_file(config), '{"unit": "F"}')
        seen.append(await listed())
        write(app_settings / "overrides.json", json.dumps({PLUGIN: {"unit": "F"}}))
        seen.append(await listed())
        weather.write("schemas/@tea/weather/package.json.orig", {"version": "2.2.0"})
        seen.append(await listed())
        own_file(config).unlink()
        (app_settings / "overrides.json").unlink()
        seen.append(await listed())
    assert seen == [
        ("2.1.0", "C", {}),
        ("2.1.0", "C", {"unit": "F"}),
        ("2.1.0", "F", {"unit": "F"}),
        ("2.2.0", "F", {"unit": "F"}),
        ("2.2.0", "C", {}),
    ]


async def test_the_list_is_what_each_one_alone_is(start, weather, config):
    write(own_file(config), '{"unit": "kelvin"}')
    async with start(plughost_settings, weather) as (host, client):
        listed = (await client.get("/lab/api/settings")).json["settings"]
        single = [(await client.get(f"/lab/api/settings/{each['id']}")).json for each in listed]
        service = host.service("plughost_settings.settings.Settings")
        asked = [entry.id for entry in await service.all()]
    assert listed == single
    assert asked == [entry["id"] for entry in listed]


async def test_a_byte_order_mark_before_settings_is_no_mistake(start, weather, config):
    write(own_file(config), "\ufeff{'unit': 'F'}")
    async with start(plughost_settings, weather) as (_, client):
        reply = await client.get(AT)
    assert (reply.json["settings"], "warning" in reply.json) == ({"unit": "F"}, False)


async def test_an_empty_file_is_no_settings(start, weather, config):
    write(own_file(config), " \n")
    async with start(plughost_settings, weather) as (_, client):
        reply = await client.get(AT)
    assert (reply.json["raw"], reply.json["settings"]) == ("{}", {})


async def test_folders_can_be_set_as_jupyter_calls_them(start, weather, config, tmp_path):
    options = {
        "app_dir": str(tmp_path / "app2"),
        "user_settings_dir": str(tmp_path / "mine"),
        "workspaces_dir": str(tmp_path / "desks"),
    }
    write(tmp_path / "app2/settings/overrides.json", json.dumps({PLUGIN: {"unit": "F"}}))
    body = {"data": {}, "metadata": {"id": "w"}}
    async with start(plughost_settings, weather, extensions={"settings": options}) as (_, client):
        await client.put(AT, {"raw": "{}"})
        await client.put("/lab/api/workspaces/w", body)
        schema = (await client.get(AT)).json["schema"]
    assert schema["properties"]["unit"]["default"] == "F"
    assert (tmp_path / "mine/@tea/weather/plugin.jupyterlab-settings").is_file()
    assert (tmp_path / "desks/w-50e7.jupyterlab-workspace").is_file()


async def test_the_whole_list_does_not_hold_up_the_loop(start, weather, config):
    """90 schemas, half of them set, all of them new: 20 ms are the most others wait.

    What counts is what this process computes meanwhile, not what others on the machine do.
    """
    setting = {"title": "A title", "description": "A description " * 10, "default": [1, 2, 3]}
    properties = {f"setting{number}": setting for number in range(20)}

    async def longest_wait(get):
        longest = 0.0
        while not get.done():
            began = time.process_time()
            await asyncio.sleep(0.001)
            longest = max(longest, time.process_time() - began)
        return longest

    waits = []
    async with start(plughost_settings, weather) as (_, client):
        for attempt in range(20):
            for number in range(90):
                name = f"@tea/p{number}"
                schema = {"title": f"{attempt}", "properties": properties}
                weather.write(f"schemas/{name}/plugin.json", schema)
                if number % 2:
                    path = config / f"lab/user-settings/{name}/plugin.jupyterlab-settings"
                    write(path, f'{{"setting0": {attempt}}} // mine')
            get = asyncio.ensure_future(client.get("/lab/api/settings"))
            waits.append(await longest_wait(get))
            assert len(get.result().json["settings"]) == 92
            if waits[-1] < 0.02:
                break
    assert min(waits) < 0.02, waits
