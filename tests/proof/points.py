"""The named points of the program, read from its source: nobody has to keep a list.

`store.write("name")` gives name.before_commit and name.after_commit; `point("name")` gives name; and where
a name is built from a parameter (`point(f"vincent.{call}.before")`), the constants that callers pass for it.
"""

from __future__ import annotations

import ast
from pathlib import Path

import tm

COMMITS = ("before_commit", "after_commit")
STORES = ("store", "_store")


def named_points(package: Path = Path(tm.__file__).parent) -> frozenset[str]:
    """Given the package's directory, return every point's name. Raise ValueError for an untold one."""
    found: set[str] = set()
    for path in sorted(package.rglob("*.py")):
        found |= _points_of(ast.parse(path.read_text("utf-8")), path)
    return frozenset(found)


def _points_of(tree: ast.Module, path: Path) -> set[str]:
    found: set[str] = set()
    for function, call in _calls(tree):
        if _is_write(call):
            found |= {f"{name}.{end}" for name in _texts(tree, function, call.args[0]) for end in COMMITS}
        elif _name(call.func) == "point" and path.name not in ("points.py", "db.py"):
            found |= set(_texts(tree, function, call.args[0]))
    return found


def _calls(tree: ast.Module) -> list[tuple[ast.FunctionDef | None, ast.Call]]:
    """Every call with the innermost function that holds it."""
    found: list[tuple[ast.FunctionDef | None, ast.Call]] = []

    def visit(node: ast.AST, function: ast.FunctionDef | None) -> None:
        if isinstance(node, ast.FunctionDef):
            function = node
        if isinstance(node, ast.Call):
            found.append((function, node))
        for child in ast.iter_child_nodes(node):
            visit(child, function)

    visit(tree, None)
    return found


def _is_write(call: ast.Call) -> bool:
    return (
        isinstance(call.func, ast.Attribute)
        and call.func.attr == "write"
        and _name(call.func.value) in STORES
    )


def _name(node: ast.AST) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def _texts(tree: ast.Module, function: ast.FunctionDef | None, node: ast.expr) -> list[str]:
    """The texts that an expression can be: a constant, a parameter's arguments, or both put together."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.FormattedValue):
        return _texts(tree, function, node.value)
    if isinstance(node, ast.JoinedStr):
        made = [""]
        for part in node.values:
            made = [head + tail for head in made for tail in _texts(tree, function, part)]
        return made
    if isinstance(node, ast.Name) and function is not None:
        return _arguments(tree, function, node.id)
    raise ValueError(f"the name of a point cannot be told from the source: {ast.unparse(node)}")


def _arguments(tree: ast.Module, function: ast.FunctionDef, parameter: str) -> list[str]:
    """What callers in the same module pass for a parameter of a function; none: nobody calls it with one."""
    names = [argument.arg for argument in function.args.args if argument.arg not in ("self", "cls")]
    if parameter not in names:  # of the function around it, as for a nested one
        outer = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef) and one is not function]
        around = [one for one in outer if function in ast.walk(one) and isinstance(one, ast.FunctionDef)]
        return [text for one in around for text in _arguments(tree, one, parameter)]
    place = names.index(parameter)
    found: list[str] = []
    for caller, call in _calls(tree):
        if _name(call.func) == function.name and len(call.args) > place:
            found += _texts(tree, caller, call.args[place])
    return sorted(set(found))
