"""The functions: routes and triggers, resources of the runtime, and the IAM actions that each may use. Plain data.

The stack creates roles and routes from this catalog, the OpenAPI build finds the handlers in it, and the tests compare the
template with a table of their own. IAM denies every action that is not listed here, locally as in AWS.
"""

from infra.catalog_model import Function, Grant, Resource, Schedule

__all__ = ["FUNCTIONS", "Function", "Grant", "Resource", "Schedule"]

_GET = ("dynamodb:GetItem", "dynamodb:BatchGetItem")
_WRITE = ("dynamodb:PutItem", "dynamodb:UpdateItem")
_CHECK, _DELETE = "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem"
_MULTIPART = ("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
_TAKE = ("sqs:ReceiveMessage", "sqs:DeleteMessage")
_RECEIVE = (
    *_TAKE,
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueAttributes",
)

# A user, a session or a membership is a few rows, so code that could write them all could act as anyone. Each function has
# the right to write only the kinds of rows that its services write.
_READ_MAIN = (
    Grant(Resource.MAIN, (*_GET, _CHECK, "dynamodb:Query")),
    Grant(Resource.MAIN_INDEXES, ("dynamodb:Query",)),
)
# Audit rows are written once and never changed. Every other grant on the audit table is for reading.
_AUDIT = Grant(Resource.AUDIT, ("dynamodb:PutItem",))
_AUDIT_EXPORT = "audit_export"
_EPHEMERAL = Grant(Resource.EPHEMERAL, ("dynamodb:GetItem", *_WRITE))
# The rows that the start and the completion of an upload write.
_COMPLETION = ("UPLOAD#*", "FILE#*", "JOB#*", "QUOTA#*", "USAGE#*", "INSTALLATION#*", "EVENTS#*")
# The edge store is outside of AWS, so what its credentials allow is its own affair.
_EDGE = "edge_store"
_EDGE_CREDENTIALS = Grant(Resource.EDGE_CREDENTIALS, ("ssm:GetParameter",), enabled_by=_EDGE)
# On a laptop, where `make clock` moves the time.
_CLOCK = Grant(Resource.EPHEMERAL, ("dynamodb:GetItem",), keys=("CLOCK",), enabled_by="virtual_clock")
_SEND_IMAGES = Grant(Resource.IMAGES_QUEUE, ("sqs:SendMessage",))
_SEND_WORK = Grant(Resource.WORK_QUEUE, ("sqs:SendMessage",))
_SEND_MAIL = Grant(Resource.MAIL_QUEUE, ("sqs:SendMessage",))

FUNCTIONS = (
    Function(
        name="auth",
        description="Accounts, sessions, users and roles. The only function that reads credentials and signing keys.",
        path_prefixes=(
            "/api/v1/auth",
            "/api/v1/users",
            "/api/v1/roles",
            "/api/v1/permissions",
            "/api/v1/authz",
            "/api/v1/audit",
            "/api/v1/config",
            "/api/v1/.well-known/jwks.json",
        ),
        grants=(
            _CLOCK,
            *_READ_MAIN,
            Grant(
                Resource.MAIN,
                (*_WRITE, _DELETE),
                keys=(
                    *("USER#*", "UNIQUE#*", "SESSION#*", "SEEN#*", "ROLE#*", "ROLES_EPOCH#*", "PERMISSION#*", "JWKS"),
                    *("PROJECT#*", "QUOTA#*", "USAGE#*", "JOB#*", "EVENTS#*"),  # of projects that end with an account
                ),
            ),
            Grant(Resource.CREDENTIALS, (*_GET, "dynamodb:Query", _CHECK, *_WRITE, _DELETE)),
            _AUDIT,
            Grant(Resource.AUDIT_INDEXES, ("dynamodb:Query",)),
            _EPHEMERAL,
            Grant(Resource.PARAMETERS, ("ssm:GetParameter", "ssm:PutParameter")),
            Grant(Resource.SIGNING_KEYS, ("ssm:DeleteParameter",)),
            _SEND_MAIL,
            _SEND_WORK,
        ),
        schedules=(Schedule("dispatch-emails", rate_minutes=1), Schedule("rotate-keys", daily_hour=2)),
    ),
    Function(
        name="projects",
        description="Projects, their members, invitations, keys and settings.",
        path_prefixes=("/api/v1/projects", "/api/v1/invitations"),
        grants=(
            _CLOCK,
            *_READ_MAIN,
            Grant(
                Resource.MAIN,
                (*_WRITE, _DELETE),
                keys=("PROJECT#*", "KEY#*", "SEEN#*", "QUOTA#*", "USAGE#*", "JOB#*", "EVENTS#*"),
            ),
            _AUDIT,
            _EPHEMERAL,
            _SEND_MAIL,
            _SEND_WORK,
        ),
    ),
    Function(
        name="upload",
        description="Presigns uploads and commits them, and stores small files.",
        path_prefixes=(
            *("/api/v1/files/init-upload", "/api/v1/files/commit", "/api/v1/upload", "/api/v1/uploads"),
            "/api/v1/u",  # for Uppy
        ),
        grants=(
            _CLOCK,
            *_READ_MAIN,
            Grant(Resource.MAIN, _WRITE, keys=(*_COMPLETION, "SEEN#*")),
            Grant(Resource.MAIN, ("dynamodb:PutItem",), keys=("COMPANION#*",)),
            _AUDIT,
            _EPHEMERAL,
            # Without ListBucket, HeadObject of a missing key returns 403 instead of 404 (S3 API reference, HeadObject).
            Grant(Resource.ORIGINALS, ("s3:ListBucket",)),
            Grant(Resource.ORIGINALS_OBJECTS, ("s3:PutObject", "s3:GetObject", *_MULTIPART)),
            _EDGE_CREDENTIALS,
            _SEND_IMAGES,
            _SEND_WORK,
        ),
    ),
    Function(
        name="shares",
        description="Links that give strangers access to a file.",
        path_prefixes=("/api/v1/s", "/s"),
        # Anyone can call it, so it reads only what decides about a link, and changes no file but by an upload.
        grants=(
            _CLOCK,
            Grant(
                Resource.MAIN,
                (*_GET, _CHECK),
                keys=(
                    *("SHARE_TOKEN#*", "SHARES#*", "FILE#*", "PROJECT#*", "USER#*", "KEY#*", "SEEN#*"),
                    *("UPLOAD#*", "QUOTA#*", "USAGE#*", "INSTALLATION#*"),
                ),
            ),
            Grant(Resource.MAIN, ("dynamodb:Query",), keys=("FILE#*",)),
            Grant(Resource.MAIN, ("dynamodb:UpdateItem",), keys=("SHARES#*",)),
            Grant(Resource.MAIN, ("dynamodb:PutItem",), keys=("SHARE_USES#*",)),
            Grant(Resource.MAIN, _WRITE, keys=_COMPLETION),
            _AUDIT,
            _EPHEMERAL,
            Grant(Resource.ORIGINALS, ("s3:ListBucket",)),
            Grant(Resource.ORIGINALS_OBJECTS, ("s3:PutObject", "s3:GetObject", "s3:GetObjectVersion")),
            Grant(Resource.VARIANTS_OBJECTS, ("s3:GetObject",)),
            _EDGE_CREDENTIALS,
            _SEND_IMAGES,
            _SEND_WORK,
        ),
    ),
    Function(
        name="files",
        description="Files, versions, jobs, tasks, health and documents.",
        path_prefixes=(
            *("/api/v1/files", "/api/v1/trash", "/api/v1/jobs", "/api/v1/admin"),
            *("/api/v1/health", "/api/v1/openapi.json", "/api/v1/docs"),
        ),
        is_default_route=True,
        bundles_openapi=True,
        grants=(
            _CLOCK,
            *_READ_MAIN,
            Grant(Resource.MAIN, _WRITE, keys=("FILE#*", "VERSION#*", "JOB#*", "EVENTS#*", "SEEN#*", "TASK#*")),
            Grant(Resource.MAIN, (_DELETE,), keys=("FILE#*",)),  # a deleted version moves to another key
            Grant(Resource.MAIN, (*_WRITE, _DELETE), keys=("SHARES#*", "SHARE_TOKEN#*")),
            _AUDIT,
            _EPHEMERAL,
            Grant(Resource.ORIGINALS, ("s3:ListBucket",)),
            Grant(Resource.ORIGINALS_OBJECTS, ("s3:GetObjectVersion",)),
            Grant(Resource.VARIANTS_OBJECTS, ("s3:GetObject",)),
            Grant(Resource.SES_ACCOUNT, ("ses:GetAccount",)),
            _EDGE_CREDENTIALS,
            _SEND_IMAGES,
            _SEND_WORK,
        ),
    ),
    Function(
        name="ingest",
        description="Handles S3 ObjectCreated events: completes the upload or deletes the object.",
        queue=Resource.OBJECTS_QUEUE,
        batch_size=10,
        timeout=60,
        grants=(
            _CLOCK,
            Grant(
                Resource.MAIN,
                (*_GET, _CHECK),
                keys=("UPLOAD#*", "FILE#*", "PROJECT#*", "USER#*", "KEY#*", "SEEN#*", "INSTALLATION#*"),
            ),
            Grant(Resource.MAIN, ("dynamodb:Query",), keys=("FILE#*",)),
            Grant(Resource.MAIN, _WRITE, keys=_COMPLETION),
            Grant(Resource.ORIGINALS, ("s3:ListBucket",)),
            Grant(Resource.ORIGINALS_OBJECTS, ("s3:GetObject", "s3:DeleteObjectVersion")),
            _SEND_IMAGES,
            _SEND_WORK,
            Grant(Resource.OBJECTS_QUEUE, _RECEIVE),
        ),
    ),
    Function(
        name="imageproc",
        description="Renders the variants of one image.",
        queue=Resource.IMAGES_QUEUE,
        memory=3008,  # the maximum in a new account; encoders run in parallel
        timeout=120,
        storage=1024,  # the largest source, and the variants; it costs a thousandth of the price of the memory
        layers=("core", "deps", "imaging"),
        # It decodes untrusted files, so it has the fewest rights: no index, no deletion of rows, no credentials.
        grants=(
            _CLOCK,
            Grant(Resource.MAIN, (*_GET, _CHECK), keys=("JOB#*", "FILE#*", "PROJECT#*", "USAGE#*")),
            Grant(Resource.MAIN, ("dynamodb:Query",), keys=("FILE#*",)),  # to show another version than a rejected one
            Grant(Resource.MAIN, _WRITE, keys=("JOB#*", "FILE#*", "USAGE#*", "EVENTS#*")),
            Grant(Resource.ORIGINAL_IMAGES, ("s3:GetObjectVersion",)),
            Grant(Resource.VARIANTS_OBJECTS, ("s3:PutObject", "s3:DeleteObject")),
            Grant(Resource.IMAGES_QUEUE, _RECEIVE),
        ),
    ),
    Function(
        name="mail",
        description="Sends emails. Accesses no table.",
        queue=Resource.MAIL_QUEUE,
        batch_size=5,
        timeout=30,
        grants=(_CLOCK, Grant(Resource.SES_IDENTITIES, ("ses:SendEmail",)), Grant(Resource.MAIL_QUEUE, _RECEIVE)),
    ),
    Function(
        name="maintenance",
        description="Runs scheduled tasks and long jobs, one SQS message per unit.",
        queue=Resource.WORK_QUEUE,
        batch_size=1,
        timeout=900,  # the maximum, which the hashing of a large file needs; more memory would not make it faster
        schedules=(
            Schedule("expire-uploads"),
            Schedule("send-pending-jobs", rate_minutes=1),
            Schedule("end-dead-jobs", rate_minutes=5),
            Schedule("send-pending-invitations", rate_minutes=1),
            Schedule("purge-projects", rate_minutes=60),
            Schedule("recount", daily_hour=3),
            Schedule("empty-trash", daily_hour=4),
            Schedule("sweep", daily_hour=5, weekday="SUN"),
            Schedule("export-audit", daily_hour=1, enabled_by=_AUDIT_EXPORT),
            Schedule("sync-edge", enabled_by=_EDGE),
        ),
        grants=(
            _CLOCK,
            *_READ_MAIN,
            Grant(
                Resource.MAIN,
                _WRITE,
                keys=(
                    *("PROJECT#*", "UPLOAD#*", "FILE#*", "JOB#*", "QUOTA#*", "USAGE#*", "INSTALLATION#*"),
                    *("EVENTS#*", "TASK#*"),
                ),
            ),
            Grant(
                Resource.MAIN,
                (_DELETE,),
                keys=(
                    *("PROJECT#*", "KEY#*", "SEEN#*", "FILE#*", "VERSION#*", "JOB#*", "QUOTA#*", "USAGE#*"),
                    *("SHARES#*", "SHARE_TOKEN#*"),
                ),
            ),
            Grant(Resource.ORIGINALS, ("s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads")),
            Grant(
                Resource.ORIGINALS_OBJECTS,
                ("s3:GetObjectVersion", "s3:DeleteObjectVersion", "s3:AbortMultipartUpload"),
            ),
            Grant(Resource.ORIGINALS_OBJECTS, ("s3:GetObject", "s3:PutObject"), enabled_by=_EDGE),
            _EDGE_CREDENTIALS,
            Grant(Resource.VARIANTS, ("s3:ListBucket",)),
            Grant(Resource.VARIANTS_OBJECTS, ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")),
            Grant(Resource.EPHEMERAL, ("dynamodb:BatchGetItem", "dynamodb:PutItem"), keys=("ORPHAN#*",)),
            _SEND_IMAGES,
            _SEND_MAIL,
            Grant(Resource.WORK_QUEUE, (*_RECEIVE, "sqs:SendMessage")),
            *(Grant(each, _TAKE) for each in (Resource.IMAGES_DEAD_LETTERS, Resource.WORK_DEAD_LETTERS)),
            # No function can read an export, and no one can overwrite or delete it (Object Lock).
            Grant(Resource.AUDIT, ("dynamodb:Query",), enabled_by=_AUDIT_EXPORT),
            Grant(Resource.EXPORTS_OBJECTS, ("s3:PutObject",), enabled_by=_AUDIT_EXPORT),
        ),
    ),
)
