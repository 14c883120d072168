-- The last row of a sealed chunk, whose rows need not follow each other; a journal block has none, its rows do.
ALTER TABLE block ADD COLUMN seq1 BIGINT;
