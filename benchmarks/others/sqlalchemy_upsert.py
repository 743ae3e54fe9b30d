"""SQLAlchemy: executemany of INSERT ... ON CONFLICT DO UPDATE."""

from itertools import islice

from fields import KEY, URL, rows
from sqlalchemy import MetaData, Table, create_engine
from sqlalchemy.dialects.postgresql import insert

engine = create_engine("postgresql+psycopg://" + URL.split("://", 1)[1])
table = Table("peer", MetaData(), autoload_with=engine)
statement = insert(table)
values = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in KEY}
statement = statement.on_conflict_do_update(index_elements=KEY, set_=values)
found, count = rows(), 0
with engine.begin() as connection:
    while some := list(islice(found, 5_000)):
        connection.execute(statement, some)
        count += len(some)
print(count)
