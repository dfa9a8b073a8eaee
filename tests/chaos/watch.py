# SPDX-License-Identifier: LGPL-2.1-or-later
"""Looks on while documents arrive, in the database's file itself, so that a frozen or cut off server hides nothing."""

import json
import sqlite3
import time

LOOK = 0.25  # s


class Watch:
    def __init__(self, mongo, database, collection="events"):
        self._path = mongo.directory / "data" / f"{database}.sqlite"
        self._collection, self._table, self._last_row, self._next_look = collection, None, 0, 0
        self._last_news = None
        self.ages = []  # s from capture until a document could be seen
        self.stalls = []  # (s without a new document, when it ended)

    def documents(self):
        return self._last_row

    def quiet(self, seconds):
        return time.monotonic() > (self._last_news or 0) + seconds

    def look(self):
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK
        rows = self._new_rows()
        if not rows:
            return
        self.ages += [time.time() - json.loads(text)["captured"] / 1000 for _, text in rows]
        self._last_row = rows[-1][0]
        if self._last_news is not None:
            self.stalls.append((now - self._last_news, now))
        self._last_news = now

    def _new_rows(self):
        if not self._path.exists():
            return []
        connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=0.2)
        try:
            if self._table is None:
                self._table = connection.execute(
                    "SELECT table_name FROM _ferretdb_collections WHERE name = ?", [self._collection]).fetchone()[0]
            return connection.execute(
                f'SELECT rowid, _ferretdb_sjson FROM "{self._table}" WHERE rowid > ? ORDER BY rowid',
                [self._last_row]).fetchall()
        except (sqlite3.OperationalError, TypeError):  # no collection yet, or a moment's lock
            return []
        finally:
            connection.close()

    def worst_stall(self, until):
        return max((seconds for seconds, end in self.stalls if end <= until), default=0)
