# SPDX-License-Identifier: LGPL-2.1-or-later
"""The study's database service: one MongoDB document an event, with the number of faces and the time as a string."""

import argparse
import json
import os

import clients
import pymongo


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--client", choices=clients.CLIENTS, required=True)
    parser.add_argument("--servers", required=True)
    parser.add_argument("--topic", default="database")
    parser.add_argument("--mongo", required=True, help="URI")
    chosen = parser.parse_args()
    events = pymongo.MongoClient(chosen.mongo).study.events
    client = clients.CLIENTS[chosen.client](chosen.servers)
    client.open_consumer(chosen.topic, "database")
    while os.getppid() != 1:
        value = client.receive()
        if value is not None:
            event = json.loads(value)
            events.insert_one({"count": event["count"], "time": event["time"]})


main()
