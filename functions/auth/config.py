"""The public settings."""

from holdall.accounts.service import public_config
from holdall.accounts.service.public_config import PublicConfig
from holdall.http.app import Router
from holdall.http.auth import public
from holdall.http.responses import DataResponse, data

router = Router()


@router.get("/config", guard=public(), summary="Get the public settings")
def get_config() -> DataResponse[PublicConfig]:
    return data(public_config.get())
