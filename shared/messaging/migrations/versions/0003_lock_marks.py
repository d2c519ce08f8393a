"""Marks are locked by a function, in which only a look by key can be planned, however much their table grows.

A prepared statement would keep the plan that was made while the table was small, and read all of it for every batch
until it is analysed again.
"""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # The lock that a rebuild takes alone comes first (REBUILD_LOCK in heard.py): what it waits for holds none of the
    # rows. Rows are locked, and made, in the order in which they are wanted. One that somebody else makes meanwhile is
    # waited for and not returned.
    op.execute("""
        create function kernel.lock_marks(topics text[], keys text[]) returns setof kernel.heard
        language plpgsql
        set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
        as $$
        declare
            locked_rows bigint;
        begin
            perform pg_advisory_xact_lock_shared(128047713116530);
            return query
                select locked.*
                from unnest(topics, keys) as wanted(topic, key) cross join lateral (
                    select heard.* from kernel.heard
                    where heard.topic = wanted.topic and heard.key = convert_to(wanted.key, 'UTF8')
                    for update
                ) as locked;
            get diagnostics locked_rows = row_count;
            if locked_rows < cardinality(topics) then
                return query
                    insert into kernel.heard (topic, key)
                    select wanted.topic, convert_to(wanted.key, 'UTF8')
                    from unnest(topics, keys) as wanted(topic, key)
                    on conflict do nothing
                    returning heard.*;
            end if;
        end $$
    """)


def downgrade() -> None:
    op.execute("drop function kernel.lock_marks(text[], text[])")
