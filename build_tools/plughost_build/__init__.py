"""`plughost build`: from TypeScript to the static files that the server hands out.

Nothing here is imported by a running server.
In reading order: `source` (what is there to build), `fingerprint` (is it fresh), `node` (find or
make Node), `npm` and `toolchain` (what is installed, and where), `shared` (what the page provides
already), `types` (with which types), `bundler` (the program in `node/` as a process), `build` (the
run itself), `installed` (what pip installed uncompiled), `report` (what a person sees), and the two
ways in: `cli` (the subcommand) and `hatch` (the build hook).
"""
