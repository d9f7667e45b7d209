"""The queues that invoke functions."""

from collections.abc import Mapping

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.catalog import FUNCTIONS, Resource
from infra.constructs.queues import Queues
from infra.stage import Stage


class EventSourceMappings(Construct):
    """One event source mapping for each function with a queue. A batch can fail partially."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        queues: Queues,
        functions: Mapping[str, lambda_.IFunction],
    ) -> None:
        super().__init__(scope, construct_id)
        # Without a limit, the function of a full queue uses up the concurrency of the account, and the API has none.
        max_concurrency = {
            Resource.OBJECTS_QUEUE: stage.ingest_workers,
            Resource.IMAGES_QUEUE: stage.image_workers,
            Resource.WORK_QUEUE: stage.maintenance_workers,
            Resource.MAIL_QUEUE: stage.mail_workers,
        }
        for function in FUNCTIONS:
            if function.queue is None:
                continue
            # Not `add_event_source`, because it adds actions to the role, and the catalog already lists them.
            lambda_.EventSourceMapping(
                self,
                function.name.capitalize(),
                target=functions[function.name],
                event_source_arn=queues.queues[function.queue].queue_arn,
                batch_size=function.batch_size,
                report_batch_item_failures=True,
                max_concurrency=max_concurrency[function.queue],
            )
