"""A synthesised template, and questions to it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Template:
    """What CDK wrote for one stage."""

    text: Mapping[str, Any]

    def of_type(self, kind: str) -> dict[str, Properties]:
        """The resources of a CloudFormation type, by logical id."""
        return {name: one for name, one in self.text["Resources"].items() if one["Type"] == kind}

    def properties(self, kind: str) -> dict[str, Properties]:
        """Their properties."""
        return {name: one.get("Properties", {}) for name, one in self.of_type(kind).items()}

    def functions(self) -> dict[str, Properties]:
        """The properties of the functions of the catalogue, by name; the console's publisher is none of them."""
        functions = self.properties("AWS::Lambda::Function").values()
        return {
            function["Handler"].split(".")[1]: function
            for function in functions
            if function["Handler"].startswith("functions.")
        }

    def role_of(self, function: Properties) -> Properties:
        """The role that a function runs with."""
        return self.properties("AWS::IAM::Role")[function["Role"]["Fn::GetAtt"][0]]

    def statements_of(self, function: Properties) -> Iterator[tuple[str, list[str]]]:
        """What a function may do: a resource, in words, and actions on it."""
        return self.statements_in(self.role_of(function))

    def statements_in(self, role: Properties) -> Iterator[tuple[str, list[str]]]:
        """What a role may do, in the same way."""
        assert not role.get("ManagedPolicyArns"), "a managed policy is nobody's list of named actions"
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Allow"
                for resource in _listed(statement["Resource"]):
                    yield in_words(resource), _listed(statement["Action"])

    def attached_policies(self) -> list[Properties]:
        """Policies that lie outside the roles."""
        return list(self.properties("AWS::IAM::Policy").values())


def in_words(arn: Any) -> str:
    """An ARN of a template as one reads it: `<logical id>` and what follows."""
    if isinstance(arn, str):
        return arn
    [(function, target)] = arn.items()
    if function == "Ref":
        return f"<{target}>"
    if function == "Fn::GetAtt":
        return f"<{target[0]}>" if target[1] == "Arn" else f"<{target[0]}.{target[1]}>"
    assert function == "Fn::Join", arn
    return "".join(in_words(part) for part in target[1])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
