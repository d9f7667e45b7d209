"""The queues, each with a dead-letter queue."""

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.catalog import FUNCTIONS, Resource

MAX_RECEIVE_COUNT = 5  # enough for a short outage; then a person has to look at the message
_VISIBILITY_TIMEOUT_FACTOR = (
    6  # times the timeout of the function (Lambda developer guide, "Using Lambda with Amazon SQS")
)
_CONSTRUCT_IDS = {
    Resource.OBJECTS_QUEUE: "Objects",
    Resource.IMAGES_QUEUE: "Images",
    Resource.WORK_QUEUE: "Work",
    Resource.MAIL_QUEUE: "Mail",
}


class Queues(Construct):
    """One queue for each function that has one in the catalog. `queues` and `dead_letter_queues` are by resource."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.queues: dict[Resource, sqs.Queue] = {}
        self.dead_letter_queues: dict[Resource, sqs.Queue] = {}
        for function in FUNCTIONS:
            if function.queue is not None:
                self._add_queue(function.queue, function.timeout)

    def _add_queue(self, resource: Resource, timeout: int) -> None:
        name = _CONSTRUCT_IDS[resource]
        self.dead_letter_queues[resource] = sqs.Queue(
            self, f"{name}DeadLetterQueue", retention_period=Duration.days(14), enforce_ssl=True
        )
        self.queues[resource] = sqs.Queue(
            self,
            name,
            enforce_ssl=True,
            visibility_timeout=Duration.seconds(_VISIBILITY_TIMEOUT_FACTOR * timeout),
            # Much shorter than in the dead-letter queue, because there too the period counts from the first send.
            retention_period=Duration.days(4),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letter_queues[resource], max_receive_count=MAX_RECEIVE_COUNT
            ),
        )
