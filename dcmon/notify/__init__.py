"""Who is told of what, how and when: pure decisions (roster, routing, escalation) and the channels that carry them out.

Decisions: `roster` (who is on duty), `routing` (which route, which people), `escalation` (the Pager), `facts` (what a
message says), `parcels` and `caps` (several messages in one, storms). Shell: `outbox` (the worker), `channels` (the
registry) and one file per channel.
"""
