"""Marks that stand are locked and told in a row of arrays; those that do not are left to whoever makes them.

A new mark was a row that was inserted empty to be locked, and then updated: twice the work of PostgreSQL. The answer
was a row per mark, which said its key again. `kernel.lock_marks` stays for workers of the release before.
"""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # The lock that a rebuild takes alone comes first (REBUILD_LOCK in heard.py): what it waits for holds none of the
    # rows. Rows are locked in the order in which they are wanted, and found by their key, whatever was planned while
    # their table was small (see 0003).
    op.execute("""
        create function kernel.marks_under_lock(
            topics text[], keys text[],
            out places bigint[], out last_sequences bigint[], out last_offsets bigint[], out blocked_ones boolean[]
        )
        language plpgsql
        set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
        as $$
        begin
            perform pg_advisory_xact_lock_shared(128047713116530);
            select array_agg(place), array_agg(last_sequence), array_agg(last_offset), array_agg(blocked)
            into places, last_sequences, last_offsets, blocked_ones
            from unnest(topics, keys) with ordinality as wanted(topic, key, place) cross join lateral (
                select last_sequence, last_offset, blocked from kernel.heard
                where heard.topic = wanted.topic and heard.key = convert_to(wanted.key, 'UTF8')
                for update
            ) as locked;
        end $$
    """)


def downgrade() -> None:
    op.execute("drop function kernel.marks_under_lock(text[], text[])")
