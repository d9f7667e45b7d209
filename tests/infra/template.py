"""A synthesised template, and questions to it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Template:
    """What CDK wrote for one stage."""

    body: Mapping[str, Any]

    def resources(self, resource_type: str) -> dict[str, Properties]:
        """The resources of a CloudFormation type, by logical id."""
        return {name: one for name, one in self.body["Resources"].items() if one["Type"] == resource_type}

    def properties(self, resource_type: str) -> dict[str, Properties]:
        """Their properties."""
        return {name: one.get("Properties", {}) for name, one in self.resources(resource_type).items()}

    def functions(self) -> dict[str, Properties]:
        """The properties of the functions of the catalogue, by name; the console's publisher is none of them."""
        functions = self.properties("AWS::Lambda::Function").values()
        return {
            function["Handler"].split(".")[1]: function
            for function in functions
            if function["Handler"].startswith("functions.")
        }

    def function_role(self, function: Properties) -> Properties:
        """The role that a function runs with."""
        return self.properties("AWS::IAM::Role")[function["Role"]["Fn::GetAtt"][0]]

    def function_statements(self, function: Properties) -> Iterator[tuple[str, list[str]]]:
        """What a function may do: a resource, in words, and actions on it."""
        return self.role_statements(self.function_role(function))

    def role_statements(self, role: Properties) -> Iterator[tuple[str, list[str]]]:
        """What a role may do, in the same way."""
        assert not role.get("ManagedPolicyArns"), "a managed policy is nobody's list of named actions"
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Allow"
                for resource in _as_list(statement["Resource"]):
                    yield format_arn(resource), _as_list(statement["Action"])

    def attached_policies(self) -> list[Properties]:
        """Policies that lie outside the roles."""
        return list(self.properties("AWS::IAM::Policy").values())


def format_arn(arn: Any) -> str:
    """An ARN of a template as one reads it: `<logical id>` and what follows."""
    if isinstance(arn, str):
        return arn
    [(function, target)] = arn.items()
    if function == "Ref":
        return f"<{target}>"
    if function == "Fn::GetAtt":
        return f"<{target[0]}>" if target[1] == "Arn" else f"<{target[0]}.{target[1]}>"
    assert function == "Fn::Join", arn
    return "".join(format_arn(part) for part in target[1])


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
