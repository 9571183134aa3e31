from __future__ import annotations

from pathlib import Path

import pytest

from clitron_dagster.schema import Schema, load_schema

SHOP = """
cli_name: shop
description: Sell things
context:
  shop.current_order: {semantic: id, description: order on the screen}
commands:
  - name: order
    description: Work with orders
    subcommands:
      - name: send
        description: Send an order
        args:
          - {name: id, type: string, positional: true, required: true, semantic: id}
          - {name: count, type: integer}
          - {name: to, type: string}
        flags: [{name: fast}, {name: gift}]
      - name: drop
        description: Delete an order
        effect: destructive
        args: [{name: id, type: string, positional: true, required: true, semantic: id}]
  - name: list
    description: List orders
    effect: read
    args: [{name: limit, type: integer, default: 10}]
    flags: [{name: all}]
"""


@pytest.fixture(scope="session")
def shop_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("schemas") / "shop.yaml"
    file.write_text(SHOP)
    return file


@pytest.fixture(scope="session")
def shop(shop_file: Path) -> Schema:
    return load_schema(shop_file)
