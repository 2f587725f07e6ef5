"""What is past: Parquet files of hours and their roll-ups, written and read by DuckDB."""
