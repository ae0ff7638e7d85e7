"""docs/cluster.md: its Python parses, and what it takes from this package exists. dask-jobqueue is not needed."""

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent.parent / "docs" / "cluster.md").read_text(encoding="utf-8")
BLOCKS = [ast.parse(block) for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)]
IMPORTED = {name.name: getattr(import_module(node.module), name.name, None) for block in BLOCKS for node in ast.walk(block)
            if isinstance(node, ast.ImportFrom) and node.module.startswith("refimpl") for name in node.names}
CALLS = [node for block in BLOCKS for node in ast.walk(block) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]


def test_the_page_takes_what_there_is():
    assert {"sweep", "dask", "export", "grid"} <= set(IMPORTED)
    assert None not in IMPORTED.values()


@pytest.mark.parametrize("call", [pytest.param(call, id=call.func.id) for call in CALLS if call.func.id in IMPORTED])
def test_every_call_fits_the_signature(call):
    inspect.signature(IMPORTED[call.func.id]).bind(*call.args, **{keyword.arg: keyword.value for keyword in call.keywords})


def test_no_name_comes_from_nowhere():
    for block in BLOCKS:
        nodes = [*ast.walk(block)]
        bound = {alias.asname or alias.name.partition(".")[0] for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names}
        bound |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)} | {"print", "__name__"}
        assert {node.id for node in nodes if isinstance(node, ast.Name)} <= bound
