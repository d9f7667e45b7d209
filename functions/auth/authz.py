"""/authz: why somebody may do something, or may not."""

from typing import Annotated

from holdall.accounts.service import explain as service
from holdall.http import DataResponse, Router, session
from holdall.platform.caller import Caller
from holdall.roles.model import ExplainRequest, ExplainResponse

router = Router()


@router.post("/authz/explain", summary="Explain why a permission is allowed or denied")
def explain_authorization(caller: Annotated[Caller, session()], body: ExplainRequest) -> DataResponse[ExplainResponse]:
    return DataResponse(data=service.explain(caller, body))
