"""Queries of a synthesized template."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Template:
    """The CloudFormation template of one stage."""

    body: Mapping[str, Any]

    def resources(self, resource_type: str) -> dict[str, Properties]:
        """Return the resources of a type, by logical ID."""
        return {name: each for name, each in self.body["Resources"].items() if each["Type"] == resource_type}

    def properties(self, resource_type: str) -> dict[str, Properties]:
        """Return the properties of the resources of a type, by logical ID."""
        return {name: each.get("Properties", {}) for name, each in self.resources(resource_type).items()}

    def functions(self) -> dict[str, Properties]:
        """Return the properties of the functions in the catalog, by name. The console's publisher is not in the catalog."""
        functions = self.properties("AWS::Lambda::Function").values()
        return {
            function["Handler"].split(".")[1]: function
            for function in functions
            if function["Handler"].startswith("functions.")
        }

    def function_role(self, function: Properties) -> Properties:
        """Return the execution role of a function."""
        return self.properties("AWS::IAM::Role")[function["Role"]["Fn::GetAtt"][0]]

    def function_statements(self, function: Properties) -> Iterator[tuple[str, list[str]]]:
        """Yield each resource, formatted, with the actions that a function may use on it.

        If they are allowed for some partition keys only, their patterns follow the resource, in brackets.
        """
        return self.role_statements(self.function_role(function))

    def role_statements(self, role: Properties) -> Iterator[tuple[str, list[str]]]:
        """Yield the same for a role."""
        assert not role.get("ManagedPolicyArns"), "a managed policy can have more actions than the catalog"
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Allow"
                keys = _format_keys(statement.get("Condition", {}))
                for resource in _as_list(statement["Resource"]):
                    yield format_arn(resource) + keys, _as_list(statement["Action"])

    def called_function(self, arn: Any) -> str:
        """Return the logical ID of the function whose alias `live` the ARN or name of a function names, and nothing else."""
        aliases = self.properties("AWS::Lambda::Alias")
        [alias] = _references(arn)
        assert aliases[alias]["Name"] == "live"
        return str(aliases[alias]["FunctionName"]["Ref"])

    def attached_policies(self) -> list[Properties]:
        """Return the policies that are separate resources."""
        return list(self.properties("AWS::IAM::Policy").values())


def format_arn(arn: Any) -> str:
    """Format an ARN in a template: `<logical ID>` and the rest."""
    if isinstance(arn, str):
        return arn
    [(function, target)] = arn.items()
    if function == "Ref":
        return f"<{target}>"
    if function == "Fn::GetAtt":
        return f"<{target[0]}>" if target[1] == "Arn" else f"<{target[0]}.{target[1]}>"
    assert function == "Fn::Join", arn
    return "".join(format_arn(part) for part in target[1])


def _format_keys(condition: Any) -> str:
    """Format the partition keys of a condition. A condition of the sender of an email is none of rows."""
    if not condition or condition.keys() == {"StringEqualsIfExists"}:
        return ""
    [(operator, operands)] = condition.items()
    [(name, patterns)] = operands.items()
    assert (operator, name) == ("ForAllValues:StringLike", "dynamodb:LeadingKeys"), condition
    return f" [{' '.join(sorted(_as_list(patterns)))}]"


def _references(value: Any) -> set[str]:
    """Return the logical IDs of the resources in an expression."""
    if isinstance(value, list):
        return {name for each in value for name in _references(each)}
    if not isinstance(value, dict):
        return set()
    [(function, target)] = value.items()
    if function == "Ref":
        return {target}
    return {target[0]} if function == "Fn::GetAtt" else _references(target)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
