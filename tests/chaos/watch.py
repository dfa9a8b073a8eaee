# SPDX-License-Identifier: LGPL-2.1-or-later
"""Watches documents arrive by reading the database's own file, so that it sees them even if the server is frozen or disconnected."""

import json
import sqlite3
import time

import pipeline

LOOK = 0.25  # s
TELLING = 5  # seconds without a new document after which the pause is reported


class Watch(pipeline.Background):
    def __init__(self, mongo, database, say, collection="events"):
        super().__init__()
        self._path = mongo.directory / "data" / f"{database}.sqlite"
        self._collection, self._table, self._last_row = collection, None, 0
        self._last_news, self._say = None, say
        self.ages = []  # seconds from capture until the document was visible
        self.stalls = []  # (s without a new document, when it ended)

    def _run(self):
        while not self._end.wait(LOOK):
            self._look()

    def documents(self):
        return self._last_row

    def quiet(self, seconds):
        return time.monotonic() > (self._last_news or 0) + seconds

    def _look(self):
        now, rows = time.monotonic(), self._new_rows()
        if not rows:
            return
        self.ages += [time.time() - json.loads(text)["captured"] / 1000 for _, text in rows]
        self._last_row = rows[-1][0]
        if self._last_news is not None:
            self._note_stall(now - self._last_news, now)
        self._last_news = now

    def _note_stall(self, seconds, now):
        self.stalls.append((seconds, now))
        if seconds > TELLING:
            self._say(f"documents again, after {seconds:.1f} s")

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
        except (sqlite3.OperationalError, TypeError):  # the collection doesn't exist yet, or the file is locked for a moment
            return []
        finally:
            connection.close()

    def worst_stall(self, until):
        return max((seconds for seconds, end in self.stalls if end <= until), default=0)
