"""Single-table statements for the hot path: model instances in and out, the SQL made once per shape.

A queryset costs 250 to 500 µs of CPU to build and compile each time, the statement itself some 20 µs; a message passes
about forty of them on its way to the desk. Everything that is not on that way uses querysets.

Conditions are keywords as in querysets, on columns of the table itself: `id=1`, `status__in=(...)`, `due_at__lte=now`,
`parked_at=None`. Foreign keys go by their column (`channel_id`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Model
from django.db.models.expressions import Col

from tresen.kernel import db

T = TypeVar("T", bound=Model)
_OPERATORS = {"": "=", "in": "IN", "lte": "<=", "lt": "<", "gte": ">=", "gt": ">", "not": "<>"}
_Converter = Callable[[Any, Any, Any], Any]


def insert(row: T, *, unless: tuple[str, ...] = ()) -> bool:
    """Stores a new row and gives it its id; False when `unless` (unique columns) hold the same values already."""
    model = type(row)
    connection = db.current()
    sql, fields, own_id = _insert_sql(model, unless, row.pk is None)
    values = [_prepared(f, getattr(row, f.attname), connection) for f in fields]
    found, _count = db.statement(sql, values)
    if not found:
        return False
    if own_id:
        row.pk = found[0][0]
    row._state.adding, row._state.db = False, connection.alias
    return True


def update(row: Model, *names: str) -> None:
    """Writes the named columns of a row."""
    model = type(row)
    connection = db.current()
    sql, fields = _update_sql(model, names)
    values = [_prepared(f, getattr(row, f.attname), connection) for f in fields]
    db.statement(sql, [*values, row.pk])


def change(model: type[Model], new: Mapping[str, Any], **where: Any) -> int:
    """Sets columns of all rows that fit; returns how many."""
    connection = db.current()
    condition, params = _condition(model, where)
    fields = [_field(model, name) for name in new]
    assigned = ", ".join(f'"{f.column}" = %s' for f in fields)
    values = [_prepared(f, value, connection) for f, value in zip(fields, new.values(), strict=True)]
    return db.statement(f'UPDATE "{model._meta.db_table}" SET {assigned}{condition}', [*values, *params])[1]


def many(
    model: type[T],
    *,
    order: tuple[str, ...] = (),
    limit: int | None = None,
    lock: bool = False,
    skip: bool = False,
    **where: Any,
) -> list[T]:
    """Rows as instances. `lock` holds them until the transaction ends (SQLite holds its write lock already)."""
    fields, converters, names, columns = _shape(model)
    found = _select(model, columns, where, order, limit, lock, skip)
    alias = db.current().alias
    return [model.from_db(alias, names, _converted(row, converters, fields)) for row in found]


def one(
    model: type[T], *, order: tuple[str, ...] = (), lock: bool = False, skip: bool = False, **where: Any
) -> T | None:
    """The first row that fits, or None."""
    found = many(model, order=order, limit=1, lock=lock, skip=skip, **where)
    return found[0] if found else None


def values(
    model: type[Model], names: tuple[str, ...], *, order: tuple[str, ...] = (), limit: int | None = None, **where: Any
) -> list[tuple[Any, ...]]:
    """Some columns of the rows that fit."""
    fields, converters, _names, columns = _shape(model, names)
    found = _select(model, columns, where, order, limit, False, False)
    return [tuple(_converted(row, converters, fields)) for row in found]


def _select(
    model: type[Model],
    columns: str,
    where: Mapping[str, Any],
    order: tuple[str, ...],
    limit: int | None,
    lock: bool,
    skip: bool,
) -> list[tuple[Any, ...]]:
    condition, params = _condition(model, where)
    sql = f'SELECT {columns} FROM "{model._meta.db_table}"{condition}{_order(model, order)}'
    if limit is not None:
        sql += f" LIMIT {limit:d}"
    if lock and db.is_postgresql():
        sql += " FOR UPDATE SKIP LOCKED" if skip else " FOR UPDATE"
    return db.statement(sql, params)[0]


def _converted(row: Sequence[Any], converters: Sequence[tuple[int, Sequence[_Converter]]], fields: Any) -> list[Any]:
    changed = list(row)
    connection = db.current()
    for index, chain in converters:
        for convert in chain:
            changed[index] = convert(changed[index], fields[index], connection)
    return changed


def _prepared(field: Field[Any, Any], value: Any, connection: BaseDatabaseWrapper) -> Any:
    """The value as the driver wants it. Most are so already, and asking the field costs more than binding it."""
    if value is None or type(value) is _plain(field):
        return value
    return field.get_db_prep_save(value, connection)


@cache
def _plain(field: Field[Any, Any]) -> type | None:
    """The Python type of a column that every driver takes as it is."""
    if isinstance(field, models.ForeignKey):
        return _plain(field.target_field)
    for kind, plain in ((models.CharField, str), (models.TextField, str), (models.IntegerField, int)):
        if isinstance(field, kind):
            return plain
    return bool if isinstance(field, models.BooleanField) else None


def _condition(model: type[Model], where: Mapping[str, Any]) -> tuple[str, list[Any]]:
    connection = db.current()
    parts: list[str] = []
    params: list[Any] = []
    for key, value in where.items():
        name, _, operator = key.partition("__")
        field = _field(model, name)
        if value is None:
            parts.append(f'"{field.column}" IS {"NOT " if operator == "not" else ""}NULL')
        elif operator == "in":
            items = [_prepared(field, one, connection) for one in value]
            parts.append(f'"{field.column}" IN ({", ".join(["%s"] * len(items)) or "NULL"})')
            params += items
        else:
            parts.append(f'"{field.column}" {_OPERATORS[operator]} %s')
            params.append(_prepared(field, value, connection))
    return (" WHERE " + " AND ".join(parts) if parts else ""), params


def _order(model: type[Model], order: tuple[str, ...]) -> str:
    if not order:
        return ""
    parts = [f'"{_field(model, name.lstrip("-")).column}"{" DESC" if name[0] == "-" else ""}' for name in order]
    return " ORDER BY " + ", ".join(parts)


@cache
def _field(model: type[Model], name: str) -> Field[Any, Any]:
    return next(
        f for f in model._meta.concrete_fields if name in (f.attname, f.name) or (name == "pk" and f.primary_key)
    )


@cache
def _shape(
    model: type[Model], names: tuple[str, ...] = ()
) -> tuple[list[Col], list[tuple[int, list[_Converter]]], list[str], str]:
    fields = [_field(model, name) for name in names] if names else list(model._meta.concrete_fields)
    connection = db.current()
    columns = [Col(model._meta.db_table, field) for field in fields]
    converters = []
    for index, (column, field) in enumerate(zip(columns, fields, strict=True)):
        chain = [*connection.ops.get_db_converters(column), *field.get_db_converters(connection)]
        if chain:
            converters.append((index, chain))
    return columns, converters, [f.attname for f in fields], ", ".join(f'"{f.column}"' for f in fields)


@cache
def _insert_sql(model: type[Model], unless: tuple[str, ...], own_id: bool) -> tuple[str, list[Field[Any, Any]], bool]:
    fields = [f for f in model._meta.concrete_fields if not (own_id and f.primary_key)]
    columns = ", ".join(f'"{f.column}"' for f in fields)
    target = ", ".join(f'"{_field(model, name).column}"' for name in unless)
    conflict = f" ON CONFLICT ({target}) DO NOTHING" if unless else ""
    pk = model._meta.pk.column if model._meta.pk else "id"
    marks = ", ".join(["%s"] * len(fields))
    sql = f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({marks}){conflict} RETURNING "{pk}"'
    return sql, fields, own_id


@cache
def _update_sql(model: type[Model], names: tuple[str, ...]) -> tuple[str, list[Field[Any, Any]]]:
    fields = [_field(model, name) for name in names]
    assigned = ", ".join(f'"{f.column}" = %s' for f in fields)
    pk = model._meta.pk.column if model._meta.pk else "id"
    return f'UPDATE "{model._meta.db_table}" SET {assigned} WHERE "{pk}" = %s', fields
