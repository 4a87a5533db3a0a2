"""What pydantic found, said in one line per problem: the field, the fault, what to write."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from pydantic import BaseModel, Tag, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

_LINES: Final = "conflict"
Location = Sequence[int | str]


def describe(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Give one line for each problem of `error`, in the order of the fields."""
    lines: list[str] = []
    for detail in error.errors(include_url=False, include_input=True):
        if detail["type"] == _LINES:
            lines += detail["ctx"]["lines"].splitlines()
        else:
            lines.append(f"{_path(detail['loc'])}: {_fault(detail, model)}")
    return lines


def _path(location: Location) -> str:
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif not _is_mark(part):
            path += f".{part}" if path else part
    return path


def _is_mark(part: int | str) -> bool:
    """Whether a part of a location is pydantic's: `[key]`, or the tag of a union's member."""
    return isinstance(part, str) and part.startswith("[")


def _fault(detail: ErrorDetails, model: type[BaseModel]) -> str:
    location = detail["loc"]
    hint = _hint(model, location)
    match detail["type"]:
        case "missing":
            return f"is missing; write {hint}"
        case "extra_forbidden":
            return _unknown(str(location[-1]), _owner(model, location[:-1]))
        case "value_error":
            said = str(detail["ctx"]["error"])
            return said if "write " in said else f"{said}; write {hint}"
        case _:
            message = detail["msg"][0].lower() + detail["msg"][1:]
            return f"{message}; write {hint}"


def _unknown(name: str, owner: type[BaseModel] | None) -> str:
    known = [_name(field, info) for field, info in owner.model_fields.items()] if owner else []
    near = difflib.get_close_matches(name, known, n=1)
    advice = near[0] if near else "one of " + ", ".join(known)
    return f"is not known here; write {advice}"


def _name(field: str, info: FieldInfo) -> str:
    return info.validation_alias if isinstance(info.validation_alias, str) else field


def _hint(model: type[BaseModel], location: Location) -> str:
    for end in range(len(location), 0, -1):
        info = _field(_owner(model, location[: end - 1]), location[end - 1])
        if info and info.description:
            return info.description
    return "a value of the documented form"


def _field(owner: type[BaseModel] | None, name: int | str) -> FieldInfo | None:
    fields = owner.model_fields.items() if owner else ()
    return next((info for field, info in fields if _name(field, info) == name), None)


def _owner(model: type[BaseModel] | None, location: Location) -> type[BaseModel] | None:
    """Walk to the model that holds `location`; labels and indices stay with the element's model.

    The tag of a union's member chooses that member.
    """
    inside: type[BaseModel] | None = model
    info: FieldInfo | None = None
    held = False
    for part in location:
        if held:
            held = False
        elif info and _is_mark(part):
            inside = _tagged(info.annotation, str(part))
        else:
            info = _field(inside, part)
            inside = _element(info.annotation) if info else None
            held = info is not None and _is_collection(info.annotation)
    return None if held else inside


def _is_collection(annotation: object) -> bool:
    origin = getattr(annotation, "__origin__", None)
    return isinstance(origin, type) and issubclass(origin, Mapping | tuple)


def _tagged(annotation: Any, tag: str) -> type[BaseModel] | None:  # noqa: ANN401 # a typing form is any object
    if Tag(tag) in getattr(annotation, "__metadata__", ()):
        return _element(annotation)
    found = (_tagged(argument, tag) for argument in get_args(annotation))
    return next((model for model in found if model), None)


def _element(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 # a typing form is any object
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_element(argument) for argument in get_args(annotation))
    return next((model for model in found if model), None)
