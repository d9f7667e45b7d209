"""R11: code that runs in one function cannot make itself another user, a member or an administrator.

`tests/support/iam.py` judges every call of a handler in the suites in process, as it does here, and
`tests/infra/test_permissions.py` compares the grants with the template.
"""

from collections.abc import Callable

import pytest

from holdall.api_keys import store as api_keys
from holdall.api_keys.model import ApiKeyId, StoredApiKey
from holdall.iam.model import PublicKey
from holdall.iam.store import public_keys, sessions, users
from holdall.platform import ids
from holdall.platform.table import Transaction
from holdall.projects.model import Membership
from holdall.projects.store import members
from holdall.roles import store as roles
from infra.catalog import FUNCTIONS
from tests.support.factories import FROZEN_TIME, PROJECT_ID, make_session
from tests.support.iam import AccessDenied, acting_as
from tests.support.world import World

_USER_ID, _KEY_ID = ids.new_id(), ApiKeyId(PROJECT_ID, ids.new_id(), ids.new_id())
_KEY = StoredApiKey(
    id=str(_KEY_ID),
    name="",
    scopes=frozenset({"files.read"}),
    enabled=True,
    secret_sha256="",
    membership_id="",
    created_by=_USER_ID,
    created_at=FROZEN_TIME,
    expires_at=None,
)

# Each makes its writer another user, or the administrator of something.
TAKEOVERS: dict[str, Callable[[Transaction], None]] = {
    "session": lambda tx: sessions.add_session(tx, make_session(FROZEN_TIME, _USER_ID)),
    "public key": lambda tx: public_keys.publish_key(tx, PublicKey("0" * 16, 2, "", FROZEN_TIME)),
    "identity": lambda tx: users.assign_identity(tx, "identity", _USER_ID, error=ValueError),
    "superuser": lambda tx: roles.increment_superusers(tx, 1),
    "roles": roles.bump_epoch,
    "member": lambda tx: members.put_membership(tx, Membership("0", PROJECT_ID, _USER_ID, "owner", FROZEN_TIME)),
    "API key": lambda tx: api_keys.put(tx, _KEY_ID, _KEY),
}
# `maintenance` deletes the rows of a purged project, and records that an invitation was sent.
WRITERS = {"member": {"auth", "projects", "maintenance"}, "API key": {"projects"}}


@pytest.mark.parametrize("takeover", TAKEOVERS)
def test_takeover_is_refused_in_all_functions_but_those_that_own_the_row(takeover: str, world: World) -> None:
    allowed = set()
    for function in FUNCTIONS:
        try:
            with acting_as(function.name), Transaction() as tx:
                TAKEOVERS[takeover](tx)
        except AccessDenied:
            continue
        allowed.add(function.name)
        world.reset()

    assert allowed == WRITERS.get(takeover, {"auth"})
