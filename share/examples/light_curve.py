"""Nightly means of an exported table with polars alone: no iop4 needed to read it.

iop4 export --source "BL Lac" -o bllac.parquet && python light_curve.py bllac.parquet
"""

import sys

import polars as pl

path = sys.argv[1]
table = pl.read_parquet(path) if path.endswith(".parquet") else pl.read_csv(path, try_parse_dates=True)

weight = 1 / pl.col("mag_err") ** 2
nightly = (
    table.filter(pl.col("mag").is_not_null(), pl.col("quality") == 0)
    .group_by("source", "band", "night")
    .agg(
        n=pl.len(),
        mag=(pl.col("mag") * weight).sum() / weight.sum(),
        mag_err=1 / weight.sum().sqrt(),
        # q and u have means; degrees and angles of polarisation have not.
        q=pl.col("q").mean(),
        u=pl.col("u").mean(),
    )
    .with_columns(
        p=(pl.col("q") ** 2 + pl.col("u") ** 2).sqrt(),
        chi_deg=(pl.arctan2(pl.col("u"), pl.col("q")).degrees() / 2) % 180,
    )
    .sort("source", "band", "night")
)
nightly.write_csv(sys.stdout)
