"""The line of every key in a TOML text, whatever the way it is written."""

from __future__ import annotations

from plughost.config.toml_lines import key_lines, parse

TEXT = r'''# port = 0
port = 1.5 # ip = "x"
"a.b" = """
fake = 1 \"""
""""
list = ["]", {inner = 1},
  '#', # hold = 2 ]
  [1, 2]]
when = 1979-05-27 07:32:00
empty = ''

[extensions.kernels]	# a comment
d = 'x = "'
"e\u0041".f = {g = 1, h = [1, 2], "i" = {j = 2}}
[[array.tables]]
a = 1
[[array.tables]]
a = 2
 [ services ]
plughost.contents.Contents = "x"
'a = b' = """ " "" """
literal = \'\'\'
[no.table]
\'\'\'\'
z = "\""
'''.replace(r"\'", "'")


def test_every_key_has_its_line():
    lines = {".".join(path): line for path, line in key_lines(TEXT).items()}
    assert lines == {
        "port": 2,
        "a.b": 3,
        "list": 6,
        "list.inner": 6,
        "when": 9,
        "empty": 10,
        "extensions": 12,
        "extensions.kernels": 12,
        "extensions.kernels.d": 13,
        "extensions.kernels.eA": 14,
        "extensions.kernels.eA.f": 14,
        "extensions.kernels.eA.f.g": 14,
        "extensions.kernels.eA.f.h": 14,
        "extensions.kernels.eA.f.i": 14,
        "extensions.kernels.eA.f.i.j": 14,
        "array": 15,
        "array.tables": 15,
        "array.tables.a": 16,
        "services": 19,
        "services.plughost": 20,
        "services.plughost.contents": 20,
        "services.plughost.contents.Contents": 20,
        "services.a = b": 21,
        "services.literal": 22,
        "services.z": 25,
    }


def test_every_key_that_tomllib_finds_has_a_line():
    found = key_lines(TEXT)

    def missing(table, path=()):
        for name, value in table.items():
            if (*path, name) not in found:
                yield (*path, name)
            if isinstance(value, dict):
                yield from missing(value, (*path, name))

    assert list(missing(parse(TEXT))) == []


def test_a_text_that_is_not_toml_still_ends():
    for text in (
        "[",
        "a",
        "a =",
        "a = [",
        "a = {",
        "a = {b",
        '"""',
        "= 1",
        "]",
        "}",
        ",",
        "a = 1 }",
    ):
        assert isinstance(key_lines(text), dict), text
