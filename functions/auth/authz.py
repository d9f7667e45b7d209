"""/authz: why somebody may do something, or may not."""

from typing import Annotated

from holdall.accounts.service import explain as service
from holdall.caller import Caller
from holdall.http import Data, Router, signed_in
from holdall.roles.model import Explanation, Question

router = Router()


@router.post("/authz/explain", summary="Why a user may do something, or may not, rule by rule")
def explain(caller: Annotated[Caller, signed_in()], asked: Question) -> Data[Explanation]:
    return Data(data=service.explain(caller, asked))
