"""Tests of the Node half of the build, each through a real run of the bundler."""
