"""IDs and credentials of API keys: an ID names a project and a creator, and only the exact form is accepted (Z5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdall.api_keys.model import ApiKeyCredentials, ApiKeyId, ApiKeyNotFound, InvalidApiKey
from holdall.platform import ids
from holdall.platform.errors import NotFound

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
PROJECT_IDS = st.text(ALPHABET, min_size=12, max_size=12)
ULIDS = st.text(ALPHABET, min_size=26, max_size=26)
KEY_IDS = st.builds(ApiKeyId, PROJECT_IDS, ULIDS, ULIDS)


@given(KEY_IDS)
def test_key_id_names_its_project_and_its_creator(key_id: ApiKeyId) -> None:
    assert ApiKeyId.parse(str(key_id), key_id.project_id) == key_id
    with pytest.raises(NotFound):
        ids.project_id_of(str(key_id))  # a key is not found where a file or a job is expected


@given(KEY_IDS, PROJECT_IDS)
def test_key_id_of_another_project_is_not_found(key_id: ApiKeyId, project_id: str) -> None:
    if project_id != key_id.project_id:
        with pytest.raises(ApiKeyNotFound):
            ApiKeyId.parse(str(key_id), project_id)


@given(KEY_IDS)
def test_any_other_string_is_not_a_key_id(key_id: ApiKeyId) -> None:
    for text in (
        "",
        f"{key_id.project_id}-{key_id.ulid}",
        f"{key_id}\n",
        f"{key_id}0",
        str(key_id)[1:],
        str(key_id).replace("-", "_"),
        f"{key_id.creator_id}-{key_id.project_id}-{key_id.ulid}",
        f"{key_id}-{key_id.ulid}",
        f"{key_id.project_id}-{key_id.creator_id[:-1]}l-{key_id.ulid}",
    ):
        with pytest.raises(ApiKeyNotFound):
            ApiKeyId.parse(text, key_id.project_id)


@given(KEY_IDS, ULIDS)
def test_credentials_are_parsed_as_they_were_formatted(key_id: ApiKeyId, secret: str) -> None:
    credentials = ApiKeyCredentials(key_id, secret)

    assert ApiKeyCredentials.parse(str(credentials)) == credentials


@given(KEY_IDS, ULIDS)
def test_any_other_string_is_not_an_api_key(key_id: ApiKeyId, secret: str) -> None:
    for text in (
        "",
        str(key_id),
        secret,
        f"hj_{key_id}_{secret}",
        f"hk_{key_id}",
        f"hk_{key_id}_{secret[1:]}",
        f"hk_{key_id}_{secret}0",
        f"hk_{key_id}_{secret}\n",
        f" hk_{key_id}_{secret}",
        f"HK_{key_id}_{secret}",
        f"hk_{key_id.ulid}_{secret}",
        f"hk_{key_id.project_id}-{key_id.ulid}_{secret}",
        f"hk_{key_id}_{secret}_{secret}",
    ):
        with pytest.raises(InvalidApiKey):
            ApiKeyCredentials.parse(text)
