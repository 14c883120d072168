-- Nothing to do: InnoDB keeps long contents apart from the keys by itself. The step is there for SQLite.
DO 0;
