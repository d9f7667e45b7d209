"""Explanations of authorization decisions."""

from holdall.accounts.service import explain
from holdall.http.app import Router
from holdall.http.auth import CurrentCaller, session
from holdall.http.responses import DataResponse, data
from holdall.roles.model import ExplainRequest, ExplainResponse

router = Router()


@router.post("/authz/explain", guard=session(), summary="Explain why a permission is allowed or denied")
def explain_authorization(caller: CurrentCaller, body: ExplainRequest) -> DataResponse[ExplainResponse]:
    return data(explain.explain(caller, body))
