"""What paths of projects name."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path

ProjectId = Annotated[str, Path(alias="projectId", max_length=64)]
