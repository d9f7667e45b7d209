"""The releases of a stack: versions of its functions. The alias `live` names the one that is called.

After a deployment, the alias `previous` names what was live before, so one call goes back to it. The last three versions of
each function are kept, because Lambda counts the code of all versions against a quota of the account.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

LIVE, PREVIOUS = "live", "previous"
_KEPT_VERSIONS = 3


@dataclass(frozen=True)
class Releases:
    """The versions of the functions with these names."""

    client: "LambdaClient"
    functions: Collection[str]

    @classmethod
    def of_stack(cls, client: "LambdaClient", outputs: Mapping[str, str]) -> Self:
        """Return those of a stack with these outputs, which name the alias of each function."""
        names = [value for output, value in outputs.items() if output.endswith("Function")]
        return cls(client, [name.removesuffix(f":{LIVE}") for name in names])

    def live_versions(self) -> dict[str, str]:
        """Return the version that is called, by function."""
        aliases = {function: self._aliases(function) for function in self.functions}
        return {function: versions[LIVE] for function, versions in aliases.items() if LIVE in versions}

    def complete(self, before: Mapping[str, str]) -> None:
        """Remember the versions that were live before the deployment if it changed any of them, and delete old ones."""
        after = self.live_versions()
        if any(version != after.get(function) for function, version in before.items()):
            for function in before.keys() & after.keys():
                self._set_alias(function, PREVIOUS, before[function])
        for function in self.functions:
            self._delete_old_versions(function)

    def roll_back(self) -> dict[str, tuple[str, str]]:
        """Exchange `live` and `previous`, so a second call undoes the first. Return the old and new version by function."""
        changed = {}
        for function in self.functions:
            versions = self._aliases(function)
            live, previous = versions.get(LIVE), versions.get(PREVIOUS)
            if live and previous and live != previous:
                self._set_alias(function, LIVE, previous)
                self._set_alias(function, PREVIOUS, live)
                changed[function] = live, previous
        return changed

    def _aliases(self, function: str) -> dict[str, str]:
        """Return the version of each alias."""
        pages = self.client.get_paginator("list_aliases").paginate(FunctionName=function)
        return {alias["Name"]: alias["FunctionVersion"] for page in pages for alias in page["Aliases"]}

    def _set_alias(self, function: str, name: str, version: str) -> None:
        change = self.client.update_alias if name in self._aliases(function) else self.client.create_alias
        change(FunctionName=function, Name=name, FunctionVersion=version)

    def _delete_old_versions(self, function: str) -> None:
        pages = self.client.get_paginator("list_versions_by_function").paginate(FunctionName=function)
        published = [each["Version"] for page in pages for each in page["Versions"] if each["Version"] != "$LATEST"]
        named = self._aliases(function).values()
        for version in sorted(published, key=int)[:-_KEPT_VERSIONS]:
            if version not in named:
                self.client.delete_function(FunctionName=function, Qualifier=version)
