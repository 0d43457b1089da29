"""Slurm: what is due, on up to 16 workers that are jobs of their own, on a shared disk.

Usage: python dask_slurm.py /data/blazars      (needs: pip install 'iop4cli[dask]' dask-jobqueue)
"""

import sys

from dask_jobqueue import SLURMCluster

from iop4cli import Archive

if __name__ == "__main__":
    # One job of Slurm: four workers of one thread each, with 2 GB for each. Other options: job_extra_directives.
    with SLURMCluster(cores=4, processes=4, memory="8GB", walltime="02:00:00", job_name="iop4") as cluster:
        # Jobs come when there is work and go when there is none.
        cluster.adapt(minimum_jobs=1, maximum_jobs=4)
        run = Archive(sys.argv[1]).run(executor=f"dask:{cluster.scheduler_address}")
    sys.exit(run.exit_code)
