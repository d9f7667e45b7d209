"""Two changes of moto that make it several times faster. Its data and responses stay the same."""

from collections import defaultdict
from copy import copy, deepcopy
from typing import Any

from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table

_PLAIN_TYPES = frozenset({"S", "N", "BOOL", "NULL", "SS", "NS"})


def install() -> None:
    """Install both changes."""
    _share_rows()
    _pass_attribute_values_through()


def copy_rows(rows: Any) -> Any:
    """Return a copy of the rows of a table by keys. The rows themselves are shared."""
    return defaultdict(dict, {key: dict(partition) for key, partition in rows.items() if partition})


def _share_rows() -> None:
    """Replace a row instead of changing it in place, so that copies of a table can share rows.

    moto copies tables before each transaction, and otherwise copies every row.
    """
    update_item = DynamoDBBackend.update_item

    def replace_and_update(self: Any, table_name: str, key: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        table = self.get_table(table_name)
        hash_key, range_key = self.get_keys_value(table, key)
        row = table.get_item(hash_key, range_key)
        if row is not None:
            table.items[hash_key][range_key] = deepcopy(row)
        return update_item(self, table_name, key, *args, **kwargs)

    def copy_table(self: Any, _: object) -> Any:
        duplicate = copy(self)
        duplicate.items = copy_rows(self.items)
        return duplicate

    DynamoDBBackend.update_item = replace_and_update  # type: ignore[method-assign]
    Table.__deepcopy__ = copy_table  # type: ignore[attr-defined]


def _pass_attribute_values_through() -> None:
    """Send attribute values as they are, because rows hold them in the form of responses.

    moto otherwise looks for each of the ten possible types in every attribute of every row.
    """
    serialize_structure = BaseJSONSerializer._serialize_type_structure

    def pass_through(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and isinstance(value, dict) and not _PLAIN_TYPES.isdisjoint(value):
            serialized[key] = value
        else:
            serialize_structure(self, serialized, value, shape, key)

    BaseJSONSerializer._serialize_type_structure = pass_through  # type: ignore[method-assign]
