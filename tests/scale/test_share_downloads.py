"""Parallel downloads of a share in DynamoDB Local, which serializes transactions as DynamoDB does (U7)."""

import threading
from concurrent.futures import ThreadPoolExecutor

from holdall.platform import clock, ids
from holdall.platform.caller import ClientInfo
from holdall.platform.pagination import PageRequest
from holdall.platform.table import Transaction
from holdall.shares import store
from holdall.shares.model import USES_RETENTION, ShareNotFound, new_use
from tests.support.lists import new_share

_THREADS, _MAX_DOWNLOADS = 64, 10


def test_64_parallel_downloads_of_a_share_for_10_are_10(tables: None) -> None:
    file_id = ids.new_scoped_id(ids.new_project_id())
    share = new_share(ids.new_scoped_id(ids.project_id_of(file_id)), file_id, _MAX_DOWNLOADS)
    with Transaction() as tx:
        store.put(tx, share)
    start = threading.Barrier(_THREADS)

    def download(_: int) -> bool:
        client = ClientInfo("192.0.2.7", "curl/8.9.1", "request")
        use = new_use(client, "download", version=1, size=7, at=clock.now())
        start.wait()
        try:
            with Transaction() as tx:
                store.count_download(tx, share)
                store.put_use(tx, share, ids.new_id(), use)
        except ShareNotFound:
            return False
        return True

    with ThreadPoolExecutor(_THREADS) as threads:
        succeeded = list(threads.map(download, range(_THREADS)))

    stored = store.get_or_none(file_id, share.id)
    assert stored is not None
    uses = store.list_uses(share.id, clock.now() - USES_RETENTION, PageRequest(100)).items
    assert sum(succeeded) == stored.downloads == len(uses) == _MAX_DOWNLOADS
